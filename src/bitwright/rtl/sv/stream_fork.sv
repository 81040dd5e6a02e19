// Hands each word of a stream to N readers, each of which takes it in its own time.
`default_nettype none
module stream_fork #(
  parameter N = 2  // readers
) (
  input  wire         clk,
  input  wire         rst,        // synchronous, active high
  input  wire         in_valid,
  output wire         in_ready,   // the last reader takes the word
  output wire [N-1:0] out_valid,
  input  wire [N-1:0] out_ready
);
  reg [N-1:0] done_q;  // readers that have taken the word that is offered

  assign out_valid = {N{in_valid}} & ~done_q;
  assign in_ready = &(done_q | out_ready);

  always @(posedge clk) begin
    if (rst || (in_valid && in_ready)) done_q <= {N{1'b0}};
    else done_q <= done_q | (out_valid & out_ready);
  end
endmodule
`default_nettype wire
