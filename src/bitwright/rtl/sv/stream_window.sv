// Windows of an image that comes pixel by pixel, row by row: line buffers and a register per tap.
//
// A scan walks over the image and its border of zeros, one position per clock: a position in the image waits
// for its pixel, one that completes a window for a place behind.  A sequence is an image of one row.
`default_nettype none
module stream_window #(
  parameter BITS       = 8,  // of a pixel: all its channels
  parameter HEIGHT     = 5,  // rows of the image
  parameter WIDTH      = 5,  // pixels of a row
  parameter KERNEL_H   = 3,  // rows of the window
  parameter KERNEL_W   = 3,  // columns of the window
  parameter STRIDE_H   = 1,  // rows from window to window
  parameter STRIDE_W   = 1,  // columns from window to window
  parameter PAD_TOP    = 0,  // rows of zeros above
  parameter PAD_BOTTOM = 0,
  parameter PAD_LEFT   = 0,  // columns of zeros on the left
  parameter PAD_RIGHT  = 0
) (
  input  wire clk,
  input  wire rst,                             // synchronous, active high: the next pixel is the first of an image
  input  wire in_valid,
  output wire in_ready,
  input  wire [BITS-1:0] in_data,
  input  wire place,                           // there is room for a window
  output wire claim,                           // a place is taken
  output wire out_valid,                       // a clock after its place was taken
  output wire [KERNEL_H*KERNEL_W*BITS-1:0] out_data  // row by row, the first pixel in the lowest bits
);
  localparam ROWS = PAD_TOP + HEIGHT + PAD_BOTTOM;
  localparam COLS = PAD_LEFT + WIDTH + PAD_RIGHT;
  localparam ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam COL_BITS = COLS > 1 ? $clog2(COLS) : 1;
  localparam SKIP_H_BITS = STRIDE_H > 1 ? $clog2(STRIDE_H) : 1;
  localparam SKIP_W_BITS = STRIDE_W > 1 ? $clog2(STRIDE_W) : 1;
  localparam integer ROWS_1 = ROWS - 1;
  localparam integer COLS_1 = COLS - 1;
  localparam integer TOP = PAD_TOP;
  localparam integer BOTTOM = PAD_TOP + HEIGHT;
  localparam integer LEFT = PAD_LEFT;
  localparam integer RIGHT = PAD_LEFT + WIDTH;
  localparam integer ROW_FIRST = KERNEL_H - 1;  // the row that completes the first windows
  localparam integer COL_FIRST = KERNEL_W - 1;
  localparam integer SKIP_H = STRIDE_H - 1;
  localparam integer SKIP_W = STRIDE_W - 1;
  localparam [ROW_BITS-1:0] ROW_LAST = ROWS_1[ROW_BITS-1:0];
  localparam [COL_BITS-1:0] COL_LAST = COLS_1[COL_BITS-1:0];

  reg [ROW_BITS-1:0] row_q;
  reg [COL_BITS-1:0] col_q;
  reg [SKIP_H_BITS-1:0] skip_h_q;  // rows until the next one that completes windows
  reg [SKIP_W_BITS-1:0] skip_w_q;

  wire last_row = row_q == ROW_LAST;
  wire last_col = col_q == COL_LAST;
  wire full_row, full_col;                        // the window lies inside the border
  wire below_top, above_bottom, past_left, before_right;  // of the border
  wire emit = full_row && full_col && skip_h_q == {SKIP_H_BITS{1'b0}} && skip_w_q == {SKIP_W_BITS{1'b0}};
  wire in_image;
  wire step = (in_valid || !in_image) && (place || !emit);

  generate
    // Each comparison only where it can fail.
    if (KERNEL_H > 1) begin : g_full_row
      assign full_row = row_q >= ROW_FIRST[ROW_BITS-1:0];
    end else begin : g_every_row
      assign full_row = 1'b1;
    end
    if (KERNEL_W > 1) begin : g_full_col
      assign full_col = col_q >= COL_FIRST[COL_BITS-1:0];
    end else begin : g_every_col
      assign full_col = 1'b1;
    end
    if (PAD_TOP > 0) begin : g_top
      assign below_top = row_q >= TOP[ROW_BITS-1:0];
    end else begin : g_no_top
      assign below_top = 1'b1;
    end
    if (PAD_BOTTOM > 0) begin : g_bottom
      assign above_bottom = row_q < BOTTOM[ROW_BITS-1:0];
    end else begin : g_no_bottom
      assign above_bottom = 1'b1;
    end
    if (PAD_LEFT > 0) begin : g_left
      assign past_left = col_q >= LEFT[COL_BITS-1:0];
    end else begin : g_no_left
      assign past_left = 1'b1;
    end
    if (PAD_RIGHT > 0) begin : g_right
      assign before_right = col_q < RIGHT[COL_BITS-1:0];
    end else begin : g_no_right
      assign before_right = 1'b1;
    end
  endgenerate

  assign in_image = below_top && above_bottom && past_left && before_right;
  assign in_ready = in_image && (place || !emit);
  assign claim = step && emit;

  always @(posedge clk) begin
    if (rst) begin
      row_q <= {ROW_BITS{1'b0}};
      col_q <= {COL_BITS{1'b0}};
      skip_h_q <= {SKIP_H_BITS{1'b0}};
      skip_w_q <= {SKIP_W_BITS{1'b0}};
    end else if (step) begin
      col_q <= last_col ? {COL_BITS{1'b0}} : col_q + {{(COL_BITS - 1) {1'b0}}, 1'b1};
      if (last_col || !full_col) skip_w_q <= {SKIP_W_BITS{1'b0}};
      else if (skip_w_q == {SKIP_W_BITS{1'b0}}) skip_w_q <= SKIP_W[SKIP_W_BITS-1:0];
      else skip_w_q <= skip_w_q - {{(SKIP_W_BITS - 1) {1'b0}}, 1'b1};
      if (last_col) begin
        row_q <= last_row ? {ROW_BITS{1'b0}} : row_q + {{(ROW_BITS - 1) {1'b0}}, 1'b1};
        if (last_row || !full_row) skip_h_q <= {SKIP_H_BITS{1'b0}};
        else if (skip_h_q == {SKIP_H_BITS{1'b0}}) skip_h_q <= SKIP_H[SKIP_H_BITS-1:0];
        else skip_h_q <= skip_h_q - {{(SKIP_H_BITS - 1) {1'b0}}, 1'b1};
      end
    end
  end

  // --- the newest column of taps: older rows from the line buffers, the pixel at the bottom ------
  wire [BITS-1:0] pixel = in_image ? in_data : {BITS{1'b0}};
  wire [KERNEL_H*BITS-1:0] column;

  generate
    if (KERNEL_H > 1) begin : g_lines
      localparam LINES = (KERNEL_H - 1) * BITS;
      reg [LINES-1:0] lines[0:COLS-1];
      wire [LINES-1:0] older = lines[col_q];
      assign column = {pixel, older};
      always @(posedge clk) if (step) lines[col_q] <= column[KERNEL_H*BITS-1:BITS];
    end else begin : g_row
      assign column = pixel;
    end
  endgenerate

  reg [KERNEL_H*KERNEL_W*BITS-1:0] taps_q;
  reg valid_q;

  always @(posedge clk) valid_q <= !rst && claim;

  genvar r, c;
  generate
    for (r = 0; r < KERNEL_H; r = r + 1) begin : g_tap_row
      for (c = 0; c < KERNEL_W; c = c + 1) begin : g_tap
        localparam HERE = (r * KERNEL_W + c) * BITS;
        if (c == KERNEL_W - 1) begin : g_new
          always @(posedge clk) if (step) taps_q[HERE+:BITS] <= column[r*BITS+:BITS];
        end else begin : g_older
          always @(posedge clk) if (step) taps_q[HERE+:BITS] <= taps_q[HERE+BITS+:BITS];
        end
      end
    end
  endgenerate

  assign out_valid = valid_q;
  assign out_data = taps_q;
endmodule
`default_nettype wire
