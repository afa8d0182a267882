-- keyward_take: what one request needs from all its limits at once, and, where there is room, a lease to spend from later.

local function read_take(keys, arguments)
  local next_one, count = reader(arguments)
  local asked = { envoy = next_one(), ttl = count(1), slots = {} }
  local seen = {}
  for i = 1, count() do
    local slot = read_slot(next_one, count, keys)
    slot.need, slot.have, slot.want, slot.rate, slot.spare = count(), count(1 - HUGE), count(), count(), count()
    slot.spent, slot.gen, slot.known = count(ALL), count(), count()
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

-- What an Envoy may hold unspent: what it has, and what was granted and it had not heard of when it asked.
local function unspent(slot, envoy)
  local mine = lease_of(slot.state, envoy, slot.gen)
  if mine then return math.max(0, slot.have) + math.max(0, mine.granted - slot.known) end
  local unheard = slot.state.leases[envoy]
  return unheard and unheard.spare or 0
end

-- How much more than it needs. What lies unspent in all Envoys stays within the limit's 128th, so that nearly all is used when the
-- first request is refused, however uneven they are; within what the Envoy says where that is more and half of the limit is left,
-- as there is time to get it back. Of that each has a share by its rate, of an eighth of the room at most.
local function extra(slot, envoy, room, own)
  if slot.want == 0 then return 0 end
  local rates, others = math.max(1, slot.rate), 0
  for other, lease in pairs(slot.state.leases) do
    if other ~= envoy then rates, others = rates + lease.rate, others + lease.spare end
  end
  local after_need = math.max(0, room - slot.need)
  local spare = slot.amount / 128
  if after_need * 2 > slot.amount then spare = math.max(spare, slot.spare) end
  local share = math.min(spare, after_need / 8) * math.max(1, slot.rate) / rates
  return math.max(0, math.floor(math.min(slot.want, share - own, spare - others - own)))
end

local function new_lease(state, now_in_us)
  state.gen = math.max(state.gen + 1, now_in_us)
  return { gen = state.gen, granted = 0, consumed = 0, spare = 0, rate = 0, spent = 0, expires = 0 }
end

local function grant(slot, asked, now_in_us, now)
  local room = slot.amount - used(slot.state)
  local own = math.max(0, unspent(slot, asked.envoy) + math.min(0, slot.must - slot.need))
  slot.granted = math.max(slot.must, math.min(room, slot.must + extra(slot, asked.envoy, room, own)))
  local leases = slot.state.leases
  if slot.granted > 0 then
    local lease = leases[asked.envoy] or new_lease(slot.state, now_in_us)
    leases[asked.envoy] = lease
    lease.granted = lease.granted + slot.granted
  end
  local lease = leases[asked.envoy]
  if lease then
    lease.spare = own + slot.granted - slot.must
    lease.rate = math.max(1, slot.rate)
    -- Of an earlier lease it says nothing about this one.
    lease.spent = (lease.gen == slot.gen or slot.spent == ALL) and slot.spent or 0
  end
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

-- What others may have unspent comes back within about a second, or when their leases expire.
local function leases_return(slot, envoy, now)
  local unspent_elsewhere, wait = 0, 1000
  for other, lease in pairs(slot.state.leases) do
    wait = math.min(wait, lease.expires - now)
    if other ~= envoy then unspent_elsewhere = unspent_elsewhere + lease.spare end
  end
  return used(slot.state) + slot.must - unspent_elsewhere <= slot.amount, wait
end

-- How long until a refused request would fit if nothing else came; -1: never.
local function retry_after(slot, envoy, now)
  if not slot.refuses then return 0 end
  if slot.never then return -1 end
  local state = slot.state
  if state.kind == 'f' then return 1000 end
  local enough, wait = leases_return(slot, envoy, now)
  if enough then return wait end
  if state.kind == 'c' then return state.ends - now end
  local fits = slid_out(state, used(state) + slot.must - slot.amount)
  return fits and fits - now or wait
end

local function told(slot, envoy, now)
  local lease = slot.state.leases[envoy]
  local gen, granted = lease and lease.gen or 0, lease and lease.granted or 0
  local numbers = { slot.granted, gen, granted, used(slot.state), retry_after(slot, envoy, now), peers(slot.state) }
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
    -- Who hears of a lease takes from it for as long as if it was renewed, so it is.
    local lease = slot.state.leases[asked.envoy]
    if lease then lease.expires = now + asked.ttl end
    save_state(slot, slot.state, now)
    reply[#reply + 1] = told(slot, asked.envoy, now)
  end
  return table.concat(reply, ' ')
end
