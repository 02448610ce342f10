-- Uncounts one under each key, where the window is still the one that now lies in.
-- KEYS: one for each limit. ARGV: now in ms; then for each key the window in ms.
local now = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local kept = redis.call('HMGET', key, 'index', 'count')
  local count = tonumber(kept[2]) or 0
  if tonumber(kept[1]) == math.floor(now / tonumber(ARGV[i + 1])) and count > 0 then
    redis.call('HSET', key, 'count', count - 1)
  end
end
return {}
