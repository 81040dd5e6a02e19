// Sum or maximum of COUNT beats, channel by channel, in accumulators: global pooling.
// Each element is cast to the accumulator's format first, and each sum held in it (nnet_pooling_stream.h, global).
`default_nettype none
module stream_total #(
  parameter CHANNELS     = 2,   // elements of a beat
  parameter BITS         = 8,   // of an element
  parameter SIGNED       = 1,   // 1: elements are two's complement
  parameter COUNT        = 4,   // beats of a total, two or more
  parameter LARGEST      = 0,   // 1: the maximum, 0: the sum
  parameter ACC_BITS     = 12,  // of an accumulator
  parameter ACC_SIGNED   = 1,
  parameter ACC_DROP     = 0,   // fraction bits of an element less those of the accumulator
  parameter ACC_ROUNDING = 0,   // as fixed_cast
  parameter ACC_OVERFLOW = 0
) (
  input  wire clk,
  input  wire rst,                        // synchronous, active high: the next beat is the first of a total
  input  wire in_valid,
  output wire in_ready,
  input  wire [CHANNELS*BITS-1:0] in_data,
  input  wire place,                      // there is room for a total
  output wire claim,                      // a place is taken
  output wire out_valid,                  // a clock after its place was taken
  output wire [CHANNELS*ACC_BITS-1:0] out_data
);
  localparam NUMBER_BITS = $clog2(COUNT);
  localparam integer LAST = COUNT - 1;

  reg [NUMBER_BITS-1:0] number_q;
  reg valid_q;

  wire first = number_q == {NUMBER_BITS{1'b0}};
  wire last = number_q == LAST[NUMBER_BITS-1:0];
  wire step = in_valid && in_ready;

  assign in_ready = place || !last;
  assign claim = step && last;
  assign out_valid = valid_q;

  always @(posedge clk) begin
    valid_q <= !rst && claim;
    if (rst) number_q <= {NUMBER_BITS{1'b0}};
    else if (step) number_q <= last ? {NUMBER_BITS{1'b0}} : number_q + {{(NUMBER_BITS - 1) {1'b0}}, 1'b1};
  end

  genvar c;
  generate
    for (c = 0; c < CHANNELS; c = c + 1) begin : g_channel
      wire [ACC_BITS-1:0] term;
      wire [ACC_BITS-1:0] next;
      reg [ACC_BITS-1:0] total_q;

      fixed_cast #(
        .IN_WIDTH(BITS), .IN_SIGNED(SIGNED), .DROP(ACC_DROP), .OUT_WIDTH(ACC_BITS), .OUT_SIGNED(ACC_SIGNED),
        .ROUNDING(ACC_ROUNDING), .OVERFLOW(ACC_OVERFLOW)
      ) u_term (.in(in_data[c*BITS+:BITS]), .out(term));

      if (LARGEST != 0) begin : g_largest
        // Of equal sign bits the numbers compare as if they had none.
        wire other_sign = ACC_SIGNED != 0 && term[ACC_BITS-1] != total_q[ACC_BITS-1];
        wire larger = other_sign ? total_q[ACC_BITS-1] : term > total_q;
        assign next = larger ? term : total_q;
      end else begin : g_sum
        wire [ACC_BITS:0] sum = {ACC_SIGNED != 0 && total_q[ACC_BITS-1], total_q}
                              + {ACC_SIGNED != 0 && term[ACC_BITS-1], term};
        fixed_cast #(
          .IN_WIDTH(ACC_BITS + 1), .IN_SIGNED(ACC_SIGNED), .DROP(0), .OUT_WIDTH(ACC_BITS), .OUT_SIGNED(ACC_SIGNED),
          .ROUNDING(0), .OVERFLOW(ACC_OVERFLOW)
        ) u_sum (.in(sum), .out(next));
      end

      always @(posedge clk) if (step) total_q <= first ? term : next;
      assign out_data[c*ACC_BITS+:ACC_BITS] = total_q;
    end
  endgenerate
endmodule
`default_nettype wire
