// Counts free places in an output FIFO, so that a pipeline that cannot stall takes in only what
// the FIFO will be able to hold: no clock enable fans out over the pipeline.
`default_nettype none
module stream_credit #(
  parameter DEPTH = 16,  // places in the FIFO, words
  parameter WIDTH = 5    // bits of the counter: enough for DEPTH itself
) (
  input  wire clk,
  input  wire rst,       // synchronous, active high: all places are free
  input  wire take,      // a word enters the pipeline
  input  wire give,      // a word leaves the FIFO
  output wire available  // a word may enter
);
  localparam [WIDTH-1:0] ALL = DEPTH[WIDTH-1:0];
  localparam [WIDTH-1:0] ONE = {{(WIDTH - 1) {1'b0}}, 1'b1};

  reg [WIDTH-1:0] free_q;

  assign available = free_q != {WIDTH{1'b0}};

  always @(posedge clk) begin
    if (rst) free_q <= ALL;
    else if (take && !give) free_q <= free_q - ONE;
    else if (give && !take) free_q <= free_q + ONE;
  end
endmodule
`default_nettype wire
