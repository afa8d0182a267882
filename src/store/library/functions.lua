
local function version() return VERSION end

redis.register_function('keyward_take', take)
redis.register_function('keyward_report', report)
redis.register_function{ function_name = 'keyward_version', callback = version, flags = { 'no-writes' } }
