// One word from each of N streams at the same time.  Combinational.
`default_nettype none
module stream_join #(
  parameter N = 2  // streams
) (
  input  wire [N-1:0] in_valid,
  output wire [N-1:0] in_ready,
  output wire         out_valid,
  input  wire         out_ready
);
  assign out_valid = &in_valid;
  assign in_ready = {N{out_valid && out_ready}};
endmodule
`default_nettype wire
