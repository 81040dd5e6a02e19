// The inner part of an image that comes pixel by pixel: its border is taken and dropped.
// A sequence is an image of one row.
`default_nettype none
module stream_crop #(
  parameter BITS   = 8,  // of a pixel: all its channels
  parameter HEIGHT = 5,  // rows of the image
  parameter WIDTH  = 5,  // pixels of a row
  parameter TOP    = 1,  // rows that are dropped above
  parameter BOTTOM = 1,
  parameter LEFT   = 1,  // columns that are dropped on the left
  parameter RIGHT  = 1
) (
  input  wire clk,
  input  wire rst,                    // synchronous, active high: the next pixel is the first of an image
  input  wire in_valid,
  output wire in_ready,
  input  wire [BITS-1:0] in_data,
  input  wire place,                  // there is room for a pixel
  output wire claim,                  // a place is taken
  output wire out_valid,              // a clock after its place was taken
  output wire [BITS-1:0] out_data
);
  localparam ROW_BITS = HEIGHT > 1 ? $clog2(HEIGHT) : 1;
  localparam COL_BITS = WIDTH > 1 ? $clog2(WIDTH) : 1;
  localparam integer ROW_1 = HEIGHT - 1;
  localparam integer COL_1 = WIDTH - 1;
  localparam integer ROW_FIRST = TOP;
  localparam integer ROW_LAST = HEIGHT - BOTTOM - 1;
  localparam integer COL_FIRST = LEFT;
  localparam integer COL_LAST = WIDTH - RIGHT - 1;

  reg [ROW_BITS-1:0] row_q;
  reg [COL_BITS-1:0] col_q;
  reg [BITS-1:0] out_q;
  reg valid_q;

  wire last_row = row_q == ROW_1[ROW_BITS-1:0];
  wire last_col = col_q == COL_1[COL_BITS-1:0];
  wire below_top, above_bottom, past_left, before_right;  // of the border
  wire inner = below_top && above_bottom && past_left && before_right;
  wire step = in_valid && in_ready;

  generate
    // Each comparison only where it can fail.
    if (TOP > 0) begin : g_top
      assign below_top = row_q >= ROW_FIRST[ROW_BITS-1:0];
    end else begin : g_no_top
      assign below_top = 1'b1;
    end
    if (BOTTOM > 0) begin : g_bottom
      assign above_bottom = row_q <= ROW_LAST[ROW_BITS-1:0];
    end else begin : g_no_bottom
      assign above_bottom = 1'b1;
    end
    if (LEFT > 0) begin : g_left
      assign past_left = col_q >= COL_FIRST[COL_BITS-1:0];
    end else begin : g_no_left
      assign past_left = 1'b1;
    end
    if (RIGHT > 0) begin : g_right
      assign before_right = col_q <= COL_LAST[COL_BITS-1:0];
    end else begin : g_no_right
      assign before_right = 1'b1;
    end
  endgenerate

  assign in_ready = place || !inner;
  assign claim = step && inner;
  assign out_valid = valid_q;
  assign out_data = out_q;

  always @(posedge clk) begin
    valid_q <= !rst && claim;
    if (step) out_q <= in_data;
    if (rst) begin
      row_q <= {ROW_BITS{1'b0}};
      col_q <= {COL_BITS{1'b0}};
    end else if (step) begin
      col_q <= last_col ? {COL_BITS{1'b0}} : col_q + {{(COL_BITS - 1) {1'b0}}, 1'b1};
      if (last_col) row_q <= last_row ? {ROW_BITS{1'b0}} : row_q + {{(ROW_BITS - 1) {1'b0}}, 1'b1};
    end
  end
endmodule
`default_nettype wire
