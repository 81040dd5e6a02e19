`default_nettype none
// golden: fully parallel, one input per clock, latency 2 clocks
module golden (
  input  wire clk,
  input  wire rst,  // synchronous, active high; clears the valid bits, data needs none
  input  wire in_valid,
  input  wire [5:0] in_data,
  output wire out_valid,
  output wire [4:0] out_data
);
  reg [1:0] valid_q;
  always @(posedge clk) begin
    if (rst) valid_q <= 2'h0;
    else valid_q <= {valid_q[0:0], in_valid};
  end
  assign out_valid = valid_q[1];
  reg [5:0] in_data_q;
  always @(posedge clk) in_data_q <= in_data;
  wire [2:0] x0_0 = in_data_q[2:0];
  wire [2:0] x0_1 = in_data_q[5:3];
  wire [2:0] dense1_0;
  golden_dense1 u_dense1 (
    .x0_0(x0_0),
    .x0_1(x0_1),
    .dense1_0(dense1_0)
  );
  wire hard3_0;
  wire hard3_1;
  golden_hard3 u_hard3 (
    .x0_0(x0_0),
    .x0_1(x0_1),
    .hard3_0(hard3_0),
    .hard3_1(hard3_1)
  );
  reg [2:0] dense1_0_1_q;
  reg hard3_0_1_q;
  reg hard3_1_1_q;
  always @(posedge clk) begin
    dense1_0_1_q <= dense1_0;
    hard3_0_1_q <= hard3_0;
    hard3_1_1_q <= hard3_1;
  end
  assign out_data = {hard3_1_1_q, hard3_0_1_q, dense1_0_1_q};
endmodule
`default_nettype wire
