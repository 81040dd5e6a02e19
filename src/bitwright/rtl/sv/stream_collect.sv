// COUNT beats to one word, the first beat in the lowest bits, or in the highest.
`default_nettype none
module stream_collect #(
  parameter BITS  = 8,  // of a beat
  parameter COUNT = 4,  // beats of a word, two or more
  parameter REVERSE = 0 // whether the first beat is in the highest bits
) (
  input  wire clk,
  input  wire rst,                        // synchronous, active high: the next beat is the first of a word
  input  wire in_valid,
  output wire in_ready,
  input  wire [BITS-1:0] in_data,
  input  wire place,                      // there is room for a word
  output wire claim,                      // a place is taken
  output wire out_valid,                  // a clock after its place was taken
  output wire [COUNT*BITS-1:0] out_data
);
  localparam NUMBER_BITS = $clog2(COUNT);
  localparam integer LAST = COUNT - 1;

  reg [NUMBER_BITS-1:0] number_q;
  reg [COUNT*BITS-1:0] word_q;
  reg valid_q;

  wire last = number_q == LAST[NUMBER_BITS-1:0];
  wire step = in_valid && in_ready;

  assign in_ready = place || !last;
  assign claim = step && last;
  assign out_valid = valid_q;
  assign out_data = word_q;

  always @(posedge clk) begin
    valid_q <= !rst && claim;
    if (rst) number_q <= {NUMBER_BITS{1'b0}};
    else if (step) number_q <= last ? {NUMBER_BITS{1'b0}} : number_q + {{(NUMBER_BITS - 1) {1'b0}}, 1'b1};
  end

  generate
    if (REVERSE != 0) begin : g_first_highest
      always @(posedge clk) if (step) word_q <= {word_q[(COUNT-1)*BITS-1:0], in_data};
    end else begin : g_first_lowest
      always @(posedge clk) if (step) word_q <= {in_data, word_q[COUNT*BITS-1:BITS]};
    end
  endgenerate
endmodule
`default_nettype wire
