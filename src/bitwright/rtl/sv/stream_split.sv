// One word to COUNT beats, the lowest bits first, or the highest.
`default_nettype none
module stream_split #(
  parameter BITS  = 8,  // of a beat
  parameter COUNT = 4,  // beats of a word, two or more
  parameter REVERSE = 0 // whether the highest bits are the first beat
) (
  input  wire clk,
  input  wire rst,                        // synchronous, active high: idle
  input  wire in_valid,
  output wire in_ready,
  input  wire [COUNT*BITS-1:0] in_data,
  input  wire place,                      // there is room for a beat
  output wire claim,                      // a place is taken
  output wire out_valid,                  // a clock after its place was taken
  output wire [BITS-1:0] out_data
);
  localparam NUMBER_BITS = $clog2(COUNT);
  localparam integer LAST = COUNT - 1;

  reg [NUMBER_BITS-1:0] number_q;  // of the beat that comes next
  reg [(COUNT-1)*BITS-1:0] word_q; // that beat and those after it, once the first was given
  reg [BITS-1:0] beat_q;
  reg valid_q;

  wire first = number_q == {NUMBER_BITS{1'b0}};
  wire step = place && (in_valid || !first);

  assign in_ready = place && first;
  assign claim = step;
  assign out_valid = valid_q;
  assign out_data = beat_q;

  always @(posedge clk) begin
    valid_q <= !rst && claim;
    if (rst) number_q <= {NUMBER_BITS{1'b0}};
    else if (step) begin
      number_q <= number_q == LAST[NUMBER_BITS-1:0] ? {NUMBER_BITS{1'b0}}
                                                    : number_q + {{(NUMBER_BITS - 1) {1'b0}}, 1'b1};
    end
  end

  generate
    if (REVERSE != 0) begin : g_last_first
      localparam LEFT = (COUNT - 1) * BITS;
      always @(posedge clk) begin
        if (step) begin
          beat_q <= first ? in_data[LEFT+:BITS] : word_q[LEFT-1-:BITS];
          word_q <= first ? in_data[LEFT-1:0] : word_q << BITS;
        end
      end
    end else begin : g_first_first
      always @(posedge clk) begin
        if (step) begin
          beat_q <= first ? in_data[BITS-1:0] : word_q[BITS-1:0];
          word_q <= first ? in_data[COUNT*BITS-1:BITS] : word_q >> BITS;
        end
      end
    end
  endgenerate
endmodule
`default_nettype wire
