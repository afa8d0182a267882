-- Grows with every change to this library; a store never goes back to a lower one by itself.
local VERSION = 1
