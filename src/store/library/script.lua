
-- For servers without FUNCTION: the first argument says which function is meant.
local call, arguments = ARGV[1], {}
for i = 2, #ARGV do arguments[i - 1] = ARGV[i] end
if call == 'take' then return take(KEYS, arguments) end
if call == 'report' then return report(KEYS, arguments) end
if call == 'version' then return VERSION end
malformed('no such function')
