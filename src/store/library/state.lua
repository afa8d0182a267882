-- The state of one slot, that is of one limit: what was spent in its window, and the leases that Envoys spend from.
--
--   kind    's' sliding window of `span` ms, 'c' calendar window that ends at `ends`, 'f' in flight
--   buckets sliding: what was spent, by the quantum of its admission; settled: the same of a calendar window
--   leases  by Envoy: { gen, granted, consumed, spare, rate, spent, expires }; granted only grows within a gen; consumed was
--           told to be spent or given back, spare may lie unspent, rate is taken in two seconds, spent says what counts as
--           spent if its Envoy is never heard of again
--   owed    by gen, what an expired lease may have spent without having told: { left, free, granted, ends }; of that, free is
--           not counted
--   gen     the last one given, alert and alert_at: the last percentage told, and when
--
-- Numbers are doubles here: everything is a whole number below 2^53, and is written as one.

-- The format of a state. A library that changes it reads the older ones, so that an upgrade keeps every count.
local FORMAT = 1
-- Of a crashing Envoy's leases no more than so many are remembered one by one.
local MOST_OWED = 256

local function quantum(span)
  return math.ceil(span / 64)
end

-- Until when a bucket counts. An admission counts to the end of its quantum: it frees late, never early.
local function bucket_ends(state, index)
  return index * quantum(state.span) + state.span
end

local function spend_at(state, time, amount)
  local index = math.ceil(time / quantum(state.span))
  local total = math.max(0, (state.buckets[index] or 0) + amount)
  state.buckets[index] = total > 0 and total or nil
end

local function fresh(kind, span)
  local state = { v = FORMAT, kind = kind, gen = 0, settled = 0, alert = 0, alert_at = 0 }
  state.span = kind == 's' and span or 0
  state.ends, state.buckets, state.leases, state.owed = 0, {}, {}, {}
  return state
end

-- Only this library writes its keys. What cannot be read there, or is of another type, makes way: a limit that refuses for
-- ever, or a report that no one takes, would be worse.
local function ours(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if reply.err:find('WRONGTYPE', 1, true) then redis.call('DEL', key) end
  return redis.call(command, key, ...)
end

local function is_number(value) return type(value) == 'number' end

local function is_sound_lease(lease)
  return type(lease) == 'table' and is_number(lease.gen) and is_number(lease.granted) and is_number(lease.consumed)
    and is_number(lease.spare) and is_number(lease.rate) and is_number(lease.spent) and is_number(lease.expires)
end

local function is_sound_owed(gen, owed)
  return tonumber(gen) and type(owed) == 'table' and is_number(owed.left) and is_number(owed.free)
    and is_number(owed.granted) and is_number(owed.ends)
end

-- Every state that is read is looked through, so this makes no tables and no functions.
local function is_sound(state)
  if not (is_number(state.gen) and is_number(state.span) and is_number(state.ends) and is_number(state.settled)
    and is_number(state.alert) and is_number(state.alert_at)) then return false end
  local buckets, leases, owed = state.buckets, state.leases, state.owed
  if type(buckets) ~= 'table' or type(leases) ~= 'table' or type(owed) ~= 'table' then return false end
  for index, amount in pairs(buckets) do
    if type(index) ~= 'number' or type(amount) ~= 'number' then return false end
  end
  for _, lease in pairs(leases) do
    if not is_sound_lease(lease) then return false end
  end
  for gen, one in pairs(owed) do
    if not is_sound_owed(gen, one) then return false end
  end
  return true
end

-- What is of another kind or span is begun anew as well.
local function decoded(raw, kind, span)
  local good, state = pcall(cmsgpack.unpack, raw or '')
  if not good or type(state) ~= 'table' or state.v ~= FORMAT or not is_sound(state) then return fresh(kind, span) end
  if state.kind ~= kind or (kind == 's' and state.span ~= span) then
    local anew = fresh(kind, span)
    anew.gen = state.gen
    return anew
  end
  return state
end

local function outstanding(lease)
  return math.max(0, math.min(lease.granted, lease.granted - lease.consumed))
end

-- What has been spent in the window, as far as it was told.
local function settled(state)
  local sum = state.settled
  for _, amount in pairs(state.buckets) do sum = sum + amount end
  return sum
end

-- What nobody else can have: spent, or lent to somebody who may spend it without asking.
local function used(state)
  local sum = settled(state)
  for _, lease in pairs(state.leases) do sum = sum + outstanding(lease) end
  for _, owed in pairs(state.owed) do sum = sum + math.max(0, owed.left - owed.free) end
  return sum
end

local function peers(state)
  local count = 0
  for _ in pairs(state.leases) do count = count + 1 end
  return count
end

-- What an expired lease holds may have been spent up to that moment, so it counts until its Envoy tells after all: in a
-- sliding window for one more of them. In a calendar window it counts to the end, which may be far: so only what its Envoy
-- knew to be spent when it was last heard of, where that is known, and not what requests in flight had reserved.
local function expire_leases(state, now)
  for envoy, lease in pairs(state.leases) do
    if lease.expires <= now then
      local left, ends, counts = outstanding(lease), state.ends, nil
      if state.kind == 's' then ends = lease.expires + state.span end
      if state.kind == 's' or lease.spent == ALL then
        counts = left
      else
        counts = math.max(0, math.min(left, lease.spent - lease.consumed))
      end
      if state.kind ~= 'f' and counts > 0 and ends > now then
        state.owed[text(lease.gen)] = { left = left, free = left - counts, granted = lease.granted, ends = ends }
      end
      state.leases[envoy] = nil
    end
  end
end

-- Beyond `MOST_OWED` the one that ends first becomes a spent amount like any other; of those that end with their window the
-- oldest, whose Envoy is the least likely to be heard of again.
local function settle_owed(state, now)
  local count, first = 0, nil
  local function is_before(gen, other)
    local difference = state.owed[gen].ends - state.owed[other].ends
    return difference < 0 or difference == 0 and tonumber(gen) < tonumber(other)
  end
  for gen, owed in pairs(state.owed) do
    if owed.ends <= now then
      state.owed[gen] = nil
    else
      count = count + 1
      if not first or is_before(gen, first) then first = gen end
    end
  end
  if count <= MOST_OWED then return end
  local owed = state.owed[first]
  state.owed[first] = nil
  local left = math.max(0, owed.left - owed.free)
  if state.kind == 's' then
    spend_at(state, owed.ends - state.span, left)
  else
    state.settled = state.settled + left
  end
  settle_owed(state, now)
end

-- Drops what slid out. If the clock was set back, what lies ahead of it becomes now: it has been admitted already.
local function slide(state, now)
  local newest = math.ceil(now / quantum(state.span))
  local ahead = 0
  for index, amount in pairs(state.buckets) do
    if bucket_ends(state, index) <= now then
      state.buckets[index] = nil
    elseif index > newest then
      ahead = ahead + amount
      state.buckets[index] = nil
    end
  end
  if ahead > 0 then spend_at(state, now, ahead) end
end

-- The window that runs now, out of the ends of two successive ones as the caller computed them.
local function turn(state, now, ends, next_ends)
  if state.ends > now then return end
  state.settled, state.alert, state.alert_at = 0, 0, 0
  if now < ends then
    state.ends = ends
  elseif now < next_ends then
    state.ends = next_ends
  else
    -- The caller's clock is whole windows behind; a limit holds all the same.
    state.ends = now + math.max(1, next_ends - ends)
  end
end

local function load_state(slot, now)
  local state = decoded(ours('HGET', slot.key, slot.id), slot.kind, slot.span)
  if state.kind == 's' then slide(state, now) end
  if state.kind == 'c' then
    -- What ended with the last window counts in that one.
    expire_leases(state, math.min(now, state.ends))
    turn(state, now, slot.span, slot.span2)
  end
  expire_leases(state, now)
  settle_owed(state, now)
  if state.kind == 's' and state.alert_at + state.span <= now then state.alert = 0 end
  return state
end

-- Until when anything in a state matters.
local function matters_until(state)
  local latest = 0
  local function at_least(time) latest = math.max(latest, time) end
  for index in pairs(state.buckets) do at_least(bucket_ends(state, index)) end
  for _, lease in pairs(state.leases) do at_least(lease.expires + state.span) end
  for _, owed in pairs(state.owed) do at_least(owed.ends) end
  if state.kind == 's' and state.alert > 0 then at_least(state.alert_at + state.span) end
  if state.kind == 'c' and (state.settled > 0 or state.alert > 0) then at_least(state.ends) end
  return latest
end

local function save_state(slot, state, now)
  local left = matters_until(state) - now
  if left <= 0 then
    redis.call('HDEL', slot.key, slot.id)
    return
  end
  redis.call('HSET', slot.key, slot.id, cmsgpack.pack(state))
  -- Other slots of the level may matter for longer.
  if redis.call('PTTL', slot.key) < left then redis.call('PEXPIRE', slot.key, text(left)) end
end

-- The lease of an Envoy, if it is of the generation it speaks of.
local function lease_of(state, envoy, gen)
  local lease = state.leases[envoy]
  return lease and lease.gen == gen and lease or nil
end
