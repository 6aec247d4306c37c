-- For wrk: sends requests that were rendered (and signed) beforehand, so that the client costs next to nothing.
-- BENCH_REQUESTS names a file of requests, each as its length in a line and then its bytes. The threads share them out.
-- BENCH_EXPECT, if set, is a text that every answer's body must hold.

local all = {}

function setup(thread)
  thread:set("number", #all)
  thread:set("threads", tonumber(os.getenv("BENCH_THREADS")))
  all[#all + 1] = thread
end

function init()
  local file = assert(io.open(os.getenv("BENCH_REQUESTS"), "rb"))
  requests, at, unexpected = {}, 0, 0
  local index = 0
  while true do
    local length = file:read("*l")
    if not length then break end
    local bytes = file:read(tonumber(length))
    if index % threads == number then requests[#requests + 1] = bytes end
    index = index + 1
  end
  file:close()
  local expected = os.getenv("BENCH_EXPECT")
  if expected then
    response = function(_, _, body)
      if not body:find(expected, 1, true) then unexpected = unexpected + 1 end
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local unexpected_answers = 0
  for _, thread in ipairs(all) do unexpected_answers = unexpected_answers + thread:get("unexpected") end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "bytes": %d, "failed": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout + unexpected_answers,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
