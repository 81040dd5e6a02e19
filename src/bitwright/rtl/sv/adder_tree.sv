// Sum of N words modulo 2**WIDTH: eight words per clock and level, ceil(log8(N)) clocks (one for N = 1).
`default_nettype none
module adder_tree #(
  parameter N     = 4,  // words
  parameter WIDTH = 8   // bits of a word and of the sum
) (
  input  wire               clk,
  input  wire [N*WIDTH-1:0] in,
  output wire [WIDTH-1:0]   sum  // ceil(log8(N)) clocks after its words
);
  localparam RADIX  = 8;
  localparam GROUPS = (N + RADIX - 1) / RADIX;

  reg [GROUPS*WIDTH-1:0] part_q;

  genvar g;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : g_group
      localparam FIRST = g * RADIX;
      localparam COUNT = N - FIRST < RADIX ? N - FIRST : RADIX;
      reg [WIDTH-1:0] total;
      integer i;
      always @* begin
        total = {WIDTH{1'b0}};
        for (i = 0; i < COUNT; i = i + 1) total = total + in[(FIRST+i)*WIDTH+:WIDTH];
      end
      always @(posedge clk) part_q[g*WIDTH+:WIDTH] <= total;
    end

    if (GROUPS > 1) begin : g_more
      adder_tree #(.N(GROUPS), .WIDTH(WIDTH)) u_next (.clk(clk), .in(part_q), .sum(sum));
    end else begin : g_last
      assign sum = part_q;
    end
  endgenerate
endmodule
`default_nettype wire
