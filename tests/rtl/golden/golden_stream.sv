// golden in a valid/ready stream (AXI4-Stream names): s_axis in, m_axis out, one word per inference.
// 6 data bits in, 5 out; the rest of each TDATA is ignored or zero.
`default_nettype none
module golden_stream (
  input  wire clk,
  input  wire rst,  // synchronous, active high
  input  wire [7:0] s_axis_tdata,
  input  wire s_axis_tvalid,
  output wire s_axis_tready,
  output wire [7:0] m_axis_tdata,
  output wire m_axis_tvalid,
  input  wire m_axis_tready
);
  wire accept = s_axis_tvalid && s_axis_tready;
  wire deliver = m_axis_tvalid && m_axis_tready;
  wire result_valid;
  wire [4:0] result;
  wire [4:0] word;
  wire unused_tdata = &{1'b0, s_axis_tdata[7:6]};

  stream_credit #(.DEPTH(8), .WIDTH(4)) u_credit (
    .clk(clk), .rst(rst), .take(accept), .give(deliver), .available(s_axis_tready)
  );

  golden u_kernel (
    .clk(clk), .rst(rst), .in_valid(accept), .in_data(s_axis_tdata[5:0]),
    .out_valid(result_valid), .out_data(result)
  );

  stream_fifo #(.WIDTH(5), .ADDR(3)) u_fifo (
    .clk(clk), .rst(rst), .wr_valid(result_valid), .wr_data(result),
    .rd_valid(m_axis_tvalid), .rd_ready(m_axis_tready), .rd_data(word)
  );

  assign m_axis_tdata = {3'h0, word};
endmodule
`default_nettype wire
