// Parcels on the belt, as a ring of flits.
`define MAX_ATTEMPTS 3

package depot_pkg;
  typedef enum logic [1:0] { FRAGILE, TWO_PEOPLE } care_e;

  // Whether two people must carry.
  function automatic logic is_heavy(input logic [15:0] grams);
    return grams > 16'd31500;
  endfunction
endpackage

interface belt_if #(parameter int WIDTH = 16) (input logic clk);
  logic [WIDTH-1:0] grams;
  logic valid, ready;
endinterface

// Puts a parcel off when the van is full, at most three times.
module postpone #(
  parameter int DEPTH = 8
) (
  input  logic clk,
  input  logic rst_n,
  belt_if      belt
);
  logic [$clog2(DEPTH)-1:0] head, tail;

  always_ff @(posedge clk or negedge rst_n) begin
    if (!rst_n) head <= '0;
    else if (belt.valid && belt.ready) head <= head + 1'b1;
  end

  // Rings the bell at the side door for one cycle.
  task automatic ring_bell(output logic bell);
    bell = 1'b1;
    #1 bell = 1'b0;
  endtask

  assign belt.ready = head - tail < DEPTH;
endmodule

class scoreboard extends uvm_component;
  int seen;
endclass
