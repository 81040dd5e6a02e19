`default_nettype none
// layers: hard3
module golden_hard3 (
  input  wire [2:0] x0_0,
  input  wire [2:0] x0_1,
  output wire hard3_0,
  output wire hard3_1
);
  wire [3:0] v2 = {x0_0[2], x0_0} - {x0_1[2], x0_1};
  wire v3 = v2[3];
  wire v4 = ~v3;
  assign hard3_0 = v4;
  assign hard3_1 = v3;
  wire unused = &{1'b0, v2[2:0]};
endmodule
`default_nettype wire
