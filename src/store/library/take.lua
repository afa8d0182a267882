-- keyward_take: what one request needs from all its limits at once, and, where there is room, a lease to spend from later.

local function read_take(keys, arguments)
  local next_one, count = reader(arguments)
  local asked = { envoy = next_one(), ttl = count(1), slots = {} }
  local seen = {}
  for i = 1, count() do
    local slot = read_slot(next_one, count, keys)
    slot.need, slot.have, slot.want, slot.gen = count(), count(1 - HUGE), count(), count()
    -- Each of two would be granted what only one of them can have.
    local name = slot.key .. '\n' .. slot.id
    if seen[name] then malformed('a slot is asked for twice') end
    seen[name] = true
    asked.slots[i] = slot
  end
  return asked
end

-- What the request needs beyond what its Envoy still has, or on top of what it overspent: of that the store may have been told.
local function look(slot, envoy, now)
  slot.state = load_state(slot, now)
  local mine = lease_of(slot.state, envoy, slot.gen)
  slot.must = math.max(0, slot.need - (mine and slot.have or 0))
  slot.never = slot.amount == 0 or slot.need > slot.amount
  local more = slot.must
  if mine then
    more = outstanding({ granted = mine.granted + slot.must, consumed = mine.consumed }) - outstanding(mine)
  end
  slot.refuses = slot.never or used(slot.state) + more > slot.amount
end

-- How much more than it needs: an eighth of the room at most, of the limit's last quarter a sixty-fourth, of its last
-- twentieth nothing; shared among all who want some. Near the limit leases shrink to single requests, so that little lies unspent elsewhere when the first
-- request is refused.
local function extra(slot, envoy, room)
  if slot.want == 0 then return 0 end
  local wants = slot.want
  for other, lease in pairs(slot.state.leases) do
    if other ~= envoy then wants = wants + lease.want end
  end
  local after_need = math.max(0, room - slot.need)
  if after_need * 20 < slot.amount then return 0 end
  local part = after_need * 4 > slot.amount and 8 or 64
  return math.floor(math.min(slot.want, after_need / part * (slot.want / wants)))
end

local function new_lease(state, now_in_us)
  state.gen = math.max(state.gen + 1, now_in_us)
  return { gen = state.gen, granted = 0, consumed = 0, want = 0, expires = 0 }
end

local function grant(slot, asked, now_in_us, now)
  local room = slot.amount - used(slot.state)
  slot.granted = math.max(slot.must, math.min(room, slot.need + extra(slot, asked.envoy, room)))
  local leases = slot.state.leases
  if slot.granted > 0 then
    local lease = leases[asked.envoy] or new_lease(slot.state, now_in_us)
    leases[asked.envoy] = lease
    lease.granted = lease.granted + slot.granted
  end
  local lease = leases[asked.envoy]
  if lease then lease.want, lease.expires = slot.want, now + asked.ttl end
end

-- When enough has slid out of a sliding window; nil if that alone will not do.
local function slid_out(state, must_go)
  local indices = {}
  for index in pairs(state.buckets) do indices[#indices + 1] = index end
  table.sort(indices)
  for _, index in ipairs(indices) do
    must_go = must_go - state.buckets[index]
    if must_go <= 0 then return bucket_ends(state, index) end
  end
end

-- A lease may be given back at any time: it is waited for a second, or until it expires.
local function lease_may_return(state, now)
  local wait = 1000
  for _, lease in pairs(state.leases) do wait = math.min(wait, lease.expires - now) end
  return wait
end

-- How long until a refused request would fit if nothing else came; -1: never.
local function retry_after(slot, now)
  if not slot.refuses then return 0 end
  if slot.never then return -1 end
  local state = slot.state
  if state.kind == 'f' then return 1000 end
  if settled(state) + slot.must <= slot.amount then return lease_may_return(state, now) end
  if state.kind == 'c' then return state.ends - now end
  local fits = slid_out(state, used(state) + slot.must - slot.amount)
  return fits and fits - now or lease_may_return(state, now)
end

local function told(slot, envoy, now)
  local lease = slot.state.leases[envoy]
  local gen, granted = lease and lease.gen or 0, lease and lease.granted or 0
  local numbers = { slot.granted, gen, granted, used(slot.state), retry_after(slot, now), peers(slot.state) }
  for i, number in ipairs(numbers) do numbers[i] = text(number) end
  return table.concat(numbers, ' ')
end

local function take(keys, arguments)
  local now_in_us = now_us()
  local now = math.floor(now_in_us / 1000)
  local asked = read_take(keys, arguments)
  local refused = false
  for _, slot in ipairs(asked.slots) do
    look(slot, asked.envoy, now)
    slot.granted = 0
    refused = refused or slot.refuses
  end
  local reply = { refused and 'no' or 'ok', text(now) }
  for _, slot in ipairs(asked.slots) do
    if not refused then grant(slot, asked, now_in_us, now) end
    save_state(slot, slot.state, now)
    reply[#reply + 1] = told(slot, asked.envoy, now)
  end
  return table.concat(reply, ' ')
end
