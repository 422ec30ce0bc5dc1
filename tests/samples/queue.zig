//! A queue of commands for a model railway: few, small, and sent again until the track answers.

const std = @import("std");
const Allocator = std.mem.Allocator;
const testing = std.testing;

pub const max_tries: u8 = 5;
const gruss = "Modelleisenbahn Göschenen–Airolo: bitte zurückbleiben; die Türen schliessen selbsttätig, und der Zug fährt gleich ab.";
var total_sent: usize = 0;

pub const QueueError = error{
    Full,
    TrackSilent,
    UnknownTrain,
};

/// What a train can be told.
pub const Verb = enum(u8) {
    stop = 0,
    forward,
    backward,
    whistle,

    pub fn isUrgent(self: Verb) bool {
        return self == .stop;
    }
};

pub const Payload = union(enum) {
    none,
    speed: u7,
    text: []const u8,
};

/// One command and what is known of it.
pub const Command = struct {
    train: u16,
    verb: Verb,
    payload: Payload = .none,
    tries: u8 = 0,
    due_ms: i64 = 0,

    const Self = @This();

    /// Orders commands: urgent ones first, then by time.
    pub fn before(_: void, a: Self, b: Self) std.math.Order {
        if (a.verb.isUrgent() != b.verb.isUrgent()) {
            return if (a.verb.isUrgent()) .lt else .gt;
        }
        return std.math.order(a.due_ms, b.due_ms);
    }
};

fn pause(tries: u8) i64 {
    const shift: u6 = @intCast(@min(tries, 8));
    return @as(i64, 20) << shift;
}

/// A queue over anything with `fn send(self, Command) QueueError!void`.
pub fn Queue(comptime Track: type) type {
    return struct {
        const Self = @This();
        const Heap = std.PriorityQueue(Command, void, Command.before);

        track: Track,
        heap: Heap,
        lost: std.ArrayList(Command),

        pub fn init(allocator: Allocator, track: Track) Self {
            return .{
                .track = track,
                .heap = Heap.init(allocator, {}),
                .lost = std.ArrayList(Command).init(allocator),
            };
        }

        pub fn deinit(self: *Self) void {
            self.heap.deinit();
            self.lost.deinit();
        }

        pub fn push(self: *Self, command: Command) !void {
            if (self.heap.count() >= 1024) return QueueError.Full;
            try self.heap.add(command);
        }

        /// Send one command if one is due; tell whether there was one.
        pub fn step(self: *Self, now_ms: i64) !bool {
            const first = self.heap.peek() orelse return false;
            if (first.due_ms > now_ms) return false;
            var command = self.heap.remove();
            command.tries += 1;
            self.track.send(command) catch |err| switch (err) {
                // A train that nobody put on the track will not come by itself.
                error.UnknownTrain => {
                    try self.lost.append(command);
                    return true;
                },
                else => {
                    if (command.tries >= max_tries) {
                        try self.lost.append(command);
                    } else {
                        command.due_ms = now_ms + pause(command.tries);
                        try self.heap.add(command);
                    }
                    return true;
                },
            };
            total_sent += 1;
            return true;
        }
    };
}

test "a stop is sent before a whistle" {
    const Silent = struct {
        last: ?Verb = null,
        fn send(self: *@This(), command: Command) QueueError!void {
            self.last = command.verb;
        }
    };
    var silent = Silent{};
    var queue = Queue(*Silent).init(testing.allocator, &silent);
    defer queue.deinit();
    try queue.push(.{ .train = 3, .verb = .whistle });
    try queue.push(.{ .train = 3, .verb = .stop });
    _ = try queue.step(0);
    try testing.expectEqual(Verb.stop, silent.last.?);
    try testing.expect(gruss.len > 0);
}
