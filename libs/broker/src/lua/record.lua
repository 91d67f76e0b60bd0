-- What every script about one request starts with: its keys and its record.
--
-- KEYS: 1 req HASH, 2 log STREAM, 3 body STRING of the request (append has 1 and 2 of many); of its shard:
--       4 deadlines, 5 unplaced, 6 leases, 7 waits, 8 orphans (ZSETs, member: request id, score: when it is due, ms),
--       9 waiting (ZSET ordered by member: '<provider>|<ms>|<id>'), 10 pace HASH, 11 usage STREAM, 12 dead STREAM,
--       13 unsettled (ZSET as 4, member: '<id>|<epoch>'), 14 retrying (ZSET as 4)
-- ARGV: 1 request id, 2 prefix of the processes' channels, then each script's own
--
-- Two habits, since this is where Redis's time goes: numbers are given to Redis as text (of its own it would format them
-- as fractions), and a script writes the record once. Of a request that runs nothing is left in the sets of those
-- that wait, and the other way round, so that each script removes only what the state makes possible.
local REQ = KEYS[1]
local LOG = KEYS[2]
local BODY = KEYS[3]
local DEADLINES = KEYS[4]
local UNPLACED = KEYS[5]
local LEASES = KEYS[6]
local WAITS = KEYS[7]
local ORPHANS = KEYS[8]
local WAITING = KEYS[9]
local PACE = KEYS[10]
local USAGE = KEYS[11]
local DEAD = KEYS[12]
local UNSETTLED = KEYS[13]
local RETRYING = KEYS[14]
local ID = ARGV[1]
local CHANNELS = ARGV[2]

-- The fields that were read or set: text; false where the record has none.
local r = {}
-- What save() is to write: field, value, field, value.
local changes = {}

-- The moment at which the script runs, ms.
local time
local function now()
  time = time or clock()
  return time
end

-- An integer as text.
local function int(number)
  return string.format('%d', number)
end

-- Reads these fields of the record into r and returns the state, which is always among them.
local function load(...)
  local names, values = { ... }, redis.call('HMGET', REQ, 'state', ...)
  for i = 1, #names do r[names[i]] = values[i + 1] end
  r.state = values[1]
  return r.state
end

-- Sets fields of r, text all of them, and has the next save() write them.
local function set(...)
  local given, count = { ... }, #changes
  for i = 1, #given, 2 do
    r[given[i]] = given[i + 1]
    changes[count + i], changes[count + i + 1] = given[i], given[i + 1]
  end
end

local function save()
  redis.call('HSET', REQ, unpack(changes))
  changes = {}
end
