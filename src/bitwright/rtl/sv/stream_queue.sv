// A FIFO with valid/ready on both sides: room for a branch of a network that waits for a slower one.
`default_nettype none
module stream_queue #(
  parameter WIDTH = 8,  // bits of a word
  parameter ADDR  = 2   // bits of an address; 2**ADDR words
) (
  input  wire             clk,
  input  wire             rst,  // synchronous, active high: empty
  input  wire             in_valid,
  output wire             in_ready,
  input  wire [WIDTH-1:0] in_data,
  output wire             out_valid,
  input  wire             out_ready,
  output wire [WIDTH-1:0] out_data
);
  stream_credit #(.DEPTH(1 << ADDR), .WIDTH(ADDR + 1)) u_credit (
    .clk(clk), .rst(rst), .take(in_valid && in_ready), .give(out_valid && out_ready), .available(in_ready)
  );
  stream_fifo #(.WIDTH(WIDTH), .ADDR(ADDR)) u_fifo (
    .clk(clk), .rst(rst), .wr_valid(in_valid && in_ready), .wr_data(in_data),
    .rd_valid(out_valid), .rd_ready(out_ready), .rd_data(out_data)
  );
endmodule
`default_nettype wire
