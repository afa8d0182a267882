-- The only clock is that of Redis: however far the clocks of Envoys are apart, windows and leases are the same for all.
local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
