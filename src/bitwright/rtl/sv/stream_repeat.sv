// Up-sampling to the nearest: each pixel REPEAT_W times, each row REPEAT_H times (nnet_image_stream.h).
//
// A scan walks over the large image, one pixel per clock; the first copy of a pixel waits for it to come, the
// others are read from a buffer of one row.  A sequence is an image of one row.
`default_nettype none
module stream_repeat #(
  parameter BITS     = 8,  // of a pixel: all its channels
  parameter WIDTH    = 3,  // pixels of its rows
  parameter REPEAT_H = 2,  // copies of a row
  parameter REPEAT_W = 2   // copies of a pixel
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
  localparam COPY_H_BITS = REPEAT_H > 1 ? $clog2(REPEAT_H) : 1;
  localparam COPY_W_BITS = REPEAT_W > 1 ? $clog2(REPEAT_W) : 1;
  localparam COL_BITS = WIDTH > 1 ? $clog2(WIDTH) : 1;
  localparam PIXELS = REPEAT_H > 1 ? WIDTH : 1;  // that will be read again
  localparam integer COPY_H_1 = REPEAT_H - 1;
  localparam integer COPY_W_1 = REPEAT_W - 1;
  localparam integer COL_1 = WIDTH - 1;

  reg [COPY_H_BITS-1:0] copy_h_q;  // rows of the small image need no counter: they come one after another
  reg [COPY_W_BITS-1:0] copy_w_q;
  reg [COL_BITS-1:0] col_q;
  reg [BITS-1:0] pixels[0:PIXELS-1];
  reg [BITS-1:0] out_q;
  reg valid_q;

  wire takes = copy_h_q == {COPY_H_BITS{1'b0}} && copy_w_q == {COPY_W_BITS{1'b0}};
  wire last_copy = copy_w_q == COPY_W_1[COPY_W_BITS-1:0];
  wire last_col = col_q == COL_1[COL_BITS-1:0];
  wire [BITS-1:0] pixel;

  assign in_ready = place && takes;
  assign claim = place && (in_valid || !takes);
  assign out_valid = valid_q;
  assign out_data = out_q;

  generate
    if (PIXELS > 1) begin : g_row
      assign pixel = pixels[col_q];
      always @(posedge clk) if (claim && takes) pixels[col_q] <= in_data;
    end else begin : g_pixel
      assign pixel = pixels[0];
      always @(posedge clk) if (claim && takes) pixels[0] <= in_data;
    end
  endgenerate

  always @(posedge clk) begin
    valid_q <= !rst && claim;
    if (claim) out_q <= takes ? in_data : pixel;
    if (rst) begin
      copy_h_q <= {COPY_H_BITS{1'b0}};
      copy_w_q <= {COPY_W_BITS{1'b0}};
      col_q <= {COL_BITS{1'b0}};
    end else if (claim) begin
      copy_w_q <= last_copy ? {COPY_W_BITS{1'b0}} : copy_w_q + {{(COPY_W_BITS - 1) {1'b0}}, 1'b1};
      if (last_copy) begin
        col_q <= last_col ? {COL_BITS{1'b0}} : col_q + {{(COL_BITS - 1) {1'b0}}, 1'b1};
        if (last_col) begin
          if (copy_h_q == COPY_H_1[COPY_H_BITS-1:0]) copy_h_q <= {COPY_H_BITS{1'b0}};
          else copy_h_q <= copy_h_q + {{(COPY_H_BITS - 1) {1'b0}}, 1'b1};
        end
      end
    end
  end
endmodule
`default_nettype wire
