-- Counts one more under each key if one more fits under all of them; else under none.
-- KEYS: one for each limit. ARGV: now in ms; then for each key how many at most, and the window in ms.
-- Answers the counts before, for each key two: of the window that now lies in, and of the window before it.
-- A key holds `index count before`; it ends by itself when it says nothing any more.
local now = tonumber(ARGV[1])
local windows, answer, fits = {}, {}, true
for i, key in ipairs(KEYS) do
  local most, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local index, passed = math.floor(now / length), now % length
  local kept = redis.call('HMGET', key, 'index', 'count', 'before')
  local at, count, before = tonumber(kept[1]), tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
  if at and at > index then -- counted by a process whose clock is ahead
    index, passed = at, 0
  elseif at and at + 1 == index then
    count, before = 0, count
  elseif at ~= index then
    count, before = 0, 0
  end
  fits = fits and before * (length - passed) + (count + 1) * length <= most * length
  windows[i] = {index, count, before, length}
  answer[2 * i - 1], answer[2 * i] = count, before
end
if fits then
  for i, key in ipairs(KEYS) do
    local index, count, before, length = unpack(windows[i])
    redis.call('HSET', key, 'index', index, 'count', count + 1, 'before', before)
    redis.call('PEXPIRE', key, 2 * length)
  end
end
return answer
