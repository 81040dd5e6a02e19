// An assignment between fixed-point formats: rounding, then overflow, as ap_fixed does (UG902, ap_fixed).
// Combinational.  Names that begin with _unused hold nothing and are no part of its coverage.
`default_nettype none
module fixed_cast #(
  parameter IN_WIDTH   = 8,  // bits
  parameter IN_SIGNED  = 1,  // 1: two's complement
  parameter DROP       = 0,  // fraction bits of the input less those of the output; may be negative
  parameter OUT_WIDTH  = 8,  // bits
  parameter OUT_SIGNED = 1,  // 1: two's complement
  parameter ROUNDING   = 0,  // 0 TRN, 1 TRN_ZERO, 2 RND, 3 RND_ZERO, 4 RND_INF, 5 RND_MIN_INF, 6 RND_CONV
  parameter OVERFLOW   = 0   // 0 WRAP, 1 SAT, 2 SAT_ZERO, 3 SAT_SYM
) (
  input  wire [IN_WIDTH-1:0]  in,
  output wire [OUT_WIDTH-1:0] out
);
  localparam UP    = DROP < 0 ? -DROP : 0;
  localparam DOWN  = DROP > 0 ? DROP : 0;
  localparam NEED  = IN_WIDTH + UP > DOWN ? IN_WIDTH + UP : DOWN;
  localparam WIDTH = (NEED > OUT_WIDTH ? NEED : OUT_WIDTH) + 2;  // a sign and the carry of the rounding on top

  localparam [WIDTH-1:0] ONE = {{(WIDTH - 1) {1'b0}}, 1'b1};
  localparam [WIDTH-1:0] HIGH = OUT_SIGNED != 0 ? (ONE << (OUT_WIDTH - 1)) - ONE : (ONE << OUT_WIDTH) - ONE;
  localparam [WIDTH-1:0] LOW = OUT_SIGNED == 0 ? {WIDTH{1'b0}} : OVERFLOW == 3 && OUT_WIDTH > 1 ? ~HIGH + ONE : ~HIGH;

  wire top = IN_SIGNED != 0 && in[IN_WIDTH-1];
  wire [WIDTH-1:0] value;
  wire [WIDTH-1:0] rounded;

  generate
    if (UP > 0) begin : g_up
      assign value = {{(WIDTH - IN_WIDTH - UP) {top}}, in, {UP{1'b0}}};
    end else begin : g_same
      assign value = {{(WIDTH - IN_WIDTH) {top}}, in};
    end

    if (DOWN > 0) begin : g_round
      wire half = value[DOWN-1];
      wire sticky;
      if (DOWN > 1) begin : g_sticky
        assign sticky = |value[DOWN-2:0];
      end else begin : g_no_sticky
        assign sticky = 1'b0;
      end
      wire [WIDTH-1:0] floor = {{DOWN{top}}, value[WIDTH-1:DOWN]};
      wire up = ROUNDING == 1 ? top && (half || sticky)
              : ROUNDING == 2 ? half
              : ROUNDING == 3 ? half && (sticky || top)
              : ROUNDING == 4 ? half && (sticky || !top)
              : ROUNDING == 5 ? half && sticky
              : ROUNDING == 6 ? half && (sticky || floor[0])
              : 1'b0;
      wire _unused_round = &{1'b0, half, sticky, up};
      assign rounded = floor + {{(WIDTH - 1) {1'b0}}, up};
    end else begin : g_exact
      assign rounded = value;
    end

    if (OVERFLOW == 0) begin : g_wrap
      assign out = rounded[OUT_WIDTH-1:0];
      wire _unused_high = &{1'b0, rounded[WIDTH-1:OUT_WIDTH]};
    end else begin : g_saturate
      wire over = $signed(rounded) > $signed(HIGH);
      wire under = $signed(rounded) < $signed(LOW);
      assign out = OVERFLOW == 2 && (over || under) ? {OUT_WIDTH{1'b0}}
                 : over ? HIGH[OUT_WIDTH-1:0]
                 : under ? LOW[OUT_WIDTH-1:0]
                 : rounded[OUT_WIDTH-1:0];
    end
  endgenerate
endmodule
`default_nettype wire
