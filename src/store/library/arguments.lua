-- Arguments are read one after the other, all of them before anything is written: half a request is never applied.

local HUGE = 9007199254740992 -- 2^53, from where on doubles skip whole numbers

-- What is spent of a lease whose requests count when they are admitted: all that was granted, as far as is known.
local ALL = -1

local function text(number)
  return string.format('%.0f', number)
end

local function malformed(what)
  error('keyward: ' .. what, 0)
end

local function whole(token, least)
  local number = tonumber(token)
  if not number or number ~= math.floor(number) or number < least or number >= HUGE then
    malformed('not a number it can be: ' .. token)
  end
  return number
end

-- Gives the next argument, and `count` the next one as a whole number of at least 0, or of at least what is said.
local function reader(arguments)
  local at = 0
  local function next_one()
    at = at + 1
    return arguments[at] or malformed('arguments are missing')
  end
  local function count(least)
    return whole(next_one(), least or 0)
  end
  return next_one, count
end

-- Which counter: the tokens `level slot kind span span2 amount`.
local function read_slot(next_one, count, level_keys)
  local slot = { key = level_keys[count(1)] or malformed('no such level'), id = next_one(), kind = next_one() }
  if slot.kind ~= 's' and slot.kind ~= 'c' and slot.kind ~= 'f' then malformed('no such kind of slot') end
  slot.span, slot.span2 = count(slot.kind == 's' and 1 or 0), count()
  slot.amount = count()
  return slot
end
