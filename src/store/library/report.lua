-- keyward_report: what a worker spent and gives back, once, and its rows of the ledger. Renews leases every time.

local SEQ_TTL = 7 * 86400000
local DAY_TTL = 400 * 86400000
local ENVOY_TTL = 3600000
-- Who reported that lately is there: Envoys report every 20 s at the least.
local THERE = 60000
local METRICS = { 'requests', 'input', 'cached', 'cache_write', 'output', 'reasoning', 'cost' }

local function read_percentages(token)
  local found = {}
  if token == '-' then return found end
  for percentage in token:gmatch('[^,]+') do found[#found + 1] = whole(percentage, 1) end
  return found
end

local function read_reported_slot(next_one, count, level_keys)
  local slot = read_slot(next_one, count, level_keys)
  slot.gen, slot.returned, slot.spent = count(), count(), count(ALL)
  slot.thresholds, slot.rows = read_percentages(next_one()), {}
  for i = 1, count() do slot.rows[i] = { bucket = count(), delta = count(1 - HUGE) } end
  return slot
end

-- 64 bits, further than a double counts: the digits go on as they are.
local function digits(token)
  if #token > 19 or not token:match('^%-?%d+$') then malformed('not a whole number: ' .. token) end
  return token
end

local function read_row(next_one, count, day_keys)
  local row = { key = day_keys[count(1)] or malformed('no such day'), name = next_one(), amounts = {} }
  for i = 1, #METRICS do row.amounts[i] = digits(next_one()) end
  return row
end

local function read_report(keys, arguments)
  local next_one, count = reader(arguments)
  local said = { envoy = next_one(), text = next_one(), seq = count(1), ttl = count(1), slots = {}, rows = {} }
  local levels, days = count(), count()
  if #keys ~= 1 + levels + days then malformed('not as many keys as levels and days') end
  local level_keys, day_keys = {}, {}
  for i = 1, levels do level_keys[i] = keys[1 + i] end
  for i = 1, days do day_keys[i] = keys[1 + levels + i] end
  for i = 1, count() do said.slots[i] = read_reported_slot(next_one, count, level_keys) end
  for i = 1, count() do said.rows[i] = read_row(next_one, count, day_keys) end
  return said
end

local function is_again(key, seq)
  local last = tonumber(ours('GET', key) or 0) or 0
  redis.call('SET', key, text(math.max(last, seq)), 'PX', text(SEQ_TTL))
  return seq <= last
end

-- What was spent goes to the window it was admitted in. Nothing is admitted later than now, whatever clock it was read from.
local function spend(slot, now)
  local state, spent = slot.state, 0
  for _, row in ipairs(slot.rows) do
    spent = spent + row.delta
    if state.kind == 's' then
      spend_at(state, math.min(row.bucket, now), row.delta)
    elseif state.kind == 'c' and row.bucket > now then
      -- A window that is not over is this one, though its end may be told by another zone of another policy.
      state.settled = math.max(0, state.settled + row.delta)
    end
  end
  if state.kind == 's' then slide(state, now) end
  return spent
end

local function apply(slot, envoy, now)
  local consumed = spend(slot, now) + slot.returned
  local lease, owed = lease_of(slot.state, envoy, slot.gen), slot.state.owed[text(slot.gen)]
  if lease then
    lease.consumed = lease.consumed + consumed
    lease.spare = math.max(0, lease.spare - slot.returned)
    lease.spent = slot.spent
  elseif owed then
    owed.left = math.max(0, owed.left - consumed)
    -- Which of it counted is not known: as long as it may not have been that, it makes nothing free.
    owed.free = math.max(0, owed.free - math.max(0, consumed))
    if owed.left == 0 then slot.state.owed[text(slot.gen)] = nil end
  end
end

-- The highest percentage reached that was not told in this window; 0 if there is none.
local function alert(slot, now)
  local state, reached = slot.state, 0
  local spent = settled(state)
  for _, percentage in ipairs(slot.thresholds) do
    if slot.amount > 0 and spent * 100 >= slot.amount * percentage then reached = math.max(reached, percentage) end
  end
  if reached <= state.alert then return 0 end
  state.alert, state.alert_at = reached, now
  return reached
end

local function write_rows(rows)
  for _, row in ipairs(rows) do
    for i, metric in ipairs(METRICS) do
      -- What does not fit 64 bits is left out: one row must not hold up all reports for ever.
      if row.amounts[i] ~= '0' then pcall(ours, 'HINCRBY', row.key, row.name .. '|' .. metric, row.amounts[i]) end
    end
    redis.call('PEXPIRE', row.key, text(DAY_TTL))
  end
end

-- Who reports, and how many are there. Those long unseen are dropped.
local function see(key, said, now)
  ours('HSET', key, said.envoy, text(now) .. ' ' .. said.text)
  redis.call('PEXPIRE', key, text(ENVOY_TTL))
  local all, there = redis.call('HGETALL', key), 0
  for i = 1, #all, 2 do
    local seen = tonumber(all[i + 1]:match('^%d+')) or 0
    if seen + THERE > now then there = there + 1 end
    if seen + ENVOY_TTL <= now then redis.call('HDEL', key, all[i]) end
  end
  return there
end

local function renew(slot, said, again, now)
  slot.state = load_state(slot, now)
  -- Who has none asks what it was lent without hearing of it.
  local lease = slot.gen == 0 and slot.state.leases[said.envoy] or lease_of(slot.state, said.envoy, slot.gen)
  local owed = slot.state.owed[text(slot.gen)]
  if not again then apply(slot, said.envoy, now) end
  if lease then lease.expires = now + said.ttl end
  local percentage = alert(slot, now)
  save_state(slot, slot.state, now)
  local gen, granted = lease and lease.gen or 0, (lease or owed or { granted = 0 }).granted
  local numbers = { gen, granted, used(slot.state), percentage, settled(slot.state) }
  for i, number in ipairs(numbers) do numbers[i] = text(number) end
  return table.concat(numbers, ' ')
end

local function report(keys, arguments)
  local now = math.floor(now_us() / 1000)
  local said = read_report(keys, arguments)
  local prefix = keys[1]:match('^(.-):seq:') or malformed('not the key of a sequence')
  local again = is_again(keys[1], said.seq)
  local reply = { again and 'again' or 'ok', text(now) }
  for _, slot in ipairs(said.slots) do reply[#reply + 1] = renew(slot, said, again, now) end
  if not again then write_rows(said.rows) end
  reply[#reply + 1] = text(see(prefix .. ':envoys', said, now))
  return table.concat(reply, ' ')
end
