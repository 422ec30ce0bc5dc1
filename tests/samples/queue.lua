--- A queue of print jobs for a shop's label printers, which run out of paper and come back.
-- @module labels.queue
local json = require("cjson.safe")
local socket = require("socket")

local Queue = {}
Queue.__index = Queue
Queue._VERSION = "2.1.0"

local MAX_TRIES <const> = 4
local WEIGHTS = { urgent = 3, normal = 2, bulk = 1 }

-- What a printer may answer, and whether it is worth asking it again.
local ANSWERS = {
  ok = { final = true, note = "printed" },
  jammed = { final = false, note = "Papierstau" },
  empty = { final = false, note = "kein Papier – bitte nachfüllen" },
  unknown_template = { final = true, note = "a template that no printer of this shop has ever been given" },
}

--- Seconds to wait before try number `n`, counted from one.
local function backoff(n)
  local base = 0.5 * 2 ^ (n - 1)
  return math.min(base, 30) * (0.5 + math.random() / 2)
end

local function copy(object)
  local other = {}
  for key, value in pairs(object) do
    other[key] = type(value) == "table" and copy(value) or value
  end
  return setmetatable(other, getmetatable(object))
end

--- Make a queue.
-- @tparam table options `send` is called with a job and returns an answer's name
-- @tparam[opt] function options.clock for tests
-- @treturn Queue
function Queue.new(options)
  assert(type(options.send) == "function", "options.send must be a function")
  local self = setmetatable({}, Queue)
  self.send = options.send
  self.clock = options.clock or socket.gettime
  self.waiting, self.dead = {}, {}
  self.stats = { printed = 0, retried = 0, dropped = 0 }
  return self
end

--- Add a job; the answer is its place in line.
function Queue:push(template, fields, priority)
  priority = priority or "normal"
  if not WEIGHTS[priority] then
    error(("unknown priority %q"):format(priority), 2)
  end
  local job = { template = template, fields = copy(fields), weight = WEIGHTS[priority], tries = 0, due = self.clock() }
  table.insert(self.waiting, job)
  table.sort(self.waiting, function(a, b)
    if a.weight ~= b.weight then
      return a.weight > b.weight
    end
    return a.due < b.due
  end)
  return #self.waiting
end

function Queue:size()
  return #self.waiting
end

-- The first job whose time has come, taken out of the line.
local function take(queue, now)
  for place, job in ipairs(queue.waiting) do
    if job.due <= now then
      return table.remove(queue.waiting, place)
    end
  end
end

function Queue:drop(job, why)
  self.stats.dropped = self.stats.dropped + 1
  self.dead[#self.dead + 1] = { job = job, why = why }
end

--- Print one job, if one is due.
-- @treturn boolean whether there was one
function Queue:step()
  local now = self.clock()
  local job = take(self, now)
  if not job then
    return false
  end
  job.tries = job.tries + 1
  local done, answer = pcall(self.send, job)
  local verdict = done and ANSWERS[answer] or { final = false, note = tostring(answer) }
  if verdict.final and answer == "ok" then
    self.stats.printed = self.stats.printed + 1
  elseif verdict.final or job.tries >= MAX_TRIES then
    self:drop(job, verdict.note)
  else
    job.due = now + backoff(job.tries)
    self.stats.retried = self.stats.retried + 1
    table.insert(self.waiting, job)
  end
  return true
end

Queue.report = function(self)
  --[[ One line a dead job:
       the reason first, because a clerk reads no further. ]]
  local lines = {}
  for _, entry in ipairs(self.dead) do
    lines[#lines + 1] = ("%s: %s %s"):format(entry.why, entry.job.template, json.encode(entry.job.fields) or "?")
  end
  return table.concat(lines, "\n")
end

return Queue
