`default_nettype none
// layers: dense1, relu2
module golden_dense1 (
  input  wire [2:0] x0_0,
  input  wire [2:0] x0_1,
  output wire [2:0] dense1_0
);
  wire [4:0] v1 = {x0_0, 2'h0} - {{2{x0_0[2]}}, x0_0};
  wire [5:0] v3 = {{v1[4], v1[4:1]} - {{2{x0_1[2]}}, x0_1}, v1[0]};
  wire [5:0] v4 = v3 + 6'h1;
  wire [4:0] v5 = v4[4:0] & {5{~v4[5]}};
  wire [1:0] v6 = v5[4:3];
  wire v7 = |v6;
  wire v8 = -v7;
  wire [2:0] v9 = {{2{v8}}, v8};
  wire [2:0] v10 = v5[2:0];
  wire [2:0] v11 = v10 | v9;
  assign dense1_0 = v11;
endmodule
`default_nettype wire
