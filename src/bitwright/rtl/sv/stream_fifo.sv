// First-word-fall-through FIFO in distributed memory.  The writer must know that there is room
// (stream_credit): there is no full flag.
`default_nettype none
module stream_fifo #(
  parameter WIDTH = 8,  // bits of a word
  parameter ADDR  = 4   // bits of an address; 2**ADDR words
) (
  input  wire             clk,
  input  wire             rst,      // synchronous, active high: empty
  input  wire             wr_valid,
  input  wire [WIDTH-1:0] wr_data,
  output wire             rd_valid,
  input  wire             rd_ready,
  output wire [WIDTH-1:0] rd_data
);
  localparam [ADDR:0] ONE = {{ADDR{1'b0}}, 1'b1};

  reg [WIDTH-1:0] mem_q[0:(1 << ADDR)-1];
  reg [ADDR:0] wr_q;  // one bit more than an address: equal pointers mean empty
  reg [ADDR:0] rd_q;

  wire pop = rd_valid && rd_ready;

  assign rd_valid = wr_q != rd_q;
  assign rd_data = mem_q[rd_q[ADDR-1:0]];

  always @(posedge clk) begin
    if (wr_valid) mem_q[wr_q[ADDR-1:0]] <= wr_data;
    if (rst) begin
      wr_q <= {(ADDR + 1) {1'b0}};
      rd_q <= {(ADDR + 1) {1'b0}};
    end else begin
      if (wr_valid) wr_q <= wr_q + ONE;
      if (pop) rd_q <= rd_q + ONE;
    end
  end
endmodule
`default_nettype wire
