// Dense layer with a reuse factor: a word of N_IN inputs is taken, REUSE clocks later the next one may come.
//
// Multiplier m of clock r does the product of the flat weight index r + REUSE * m, output-major, as hls4ml's
// nnet_dense_resource.h: its input is that index modulo N_IN, its output the quotient.  With REUSE <= N_IN each
// clock brings N_IN / REUSE products of every output; with more, one product of a part of the outputs (a pass).
// Each product is cast to the accumulator before it is added; a saturating accumulator is added to in the order
// of the C++, one product after another.
//
// The last of REUSE clocks gives the result LATENCY - REUSE clocks later; there is no back-pressure inside.
`default_nettype none
module dense_folded #(
  parameter N_IN         = 4,
  parameter N_OUT        = 2,
  parameter REUSE        = 4,   // clocks per word; divides N_IN, or N_IN divides it and it divides N_IN * N_OUT
  parameter X_WIDTH      = 8,   // bits of an input
  parameter X_SIGNED     = 1,
  parameter W_WIDTH      = 8,   // bits of a weight
  parameter W_SIGNED     = 1,
  parameter ACC_WIDTH    = 16,  // bits of the accumulator
  parameter ACC_SIGNED   = 1,
  parameter ACC_DROP     = 0,   // fraction bits of a product less those of the accumulator
  parameter ACC_ROUNDING = 0,   // as fixed_cast
  parameter ACC_OVERFLOW = 0,
  parameter OUT_WIDTH    = 8,   // bits of an output
  parameter OUT_SIGNED   = 1,
  parameter OUT_DROP     = 0,   // fraction bits of the accumulator less those of the output
  parameter OUT_ROUNDING = 0,
  parameter OUT_OVERFLOW = 0,
  parameter ADDR         = 2,   // bits of a ROM address
  parameter MULTIPLIERS  = N_IN * N_OUT / REUSE  // follows from the others
) (
  input  wire clk,
  input  wire rst,                                     // synchronous, active high: idle
  input  wire in_valid,
  output wire in_ready,
  input  wire [N_IN*X_WIDTH-1:0] in_data,
  output wire [ADDR-1:0] rom_address,
  input  wire [MULTIPLIERS*W_WIDTH-1:0] rom_word,      // a clock after its address
  input  wire [N_OUT*ACC_WIDTH-1:0] bias,              // constant, as the accumulator holds it
  output wire out_valid,
  output wire [N_OUT*OUT_WIDTH-1:0] out_data
);
  localparam STEPS  = REUSE < N_IN ? REUSE : N_IN;  // clocks per pass
  localparam PASSES = REUSE / STEPS;
  localparam TAPS   = N_IN / STEPS;                 // products of one output per clock
  localparam LANES  = N_OUT / PASSES;               // outputs at a time
  localparam P_WIDTH = X_WIDTH + W_WIDTH + 1;       // signed product, also of unsigned factors
  // a saturating chain takes one clock, adder_tree ceil(log8(TAPS)), at least one
  localparam SUM_CLOCKS = ACC_OVERFLOW != 0 || TAPS <= 8 ? 1 : ($clog2(TAPS) + 2) / 3;
  localparam PASS_BITS = PASSES > 1 ? $clog2(PASSES) : 1;
  localparam STEP_BITS = STEPS > 1 ? $clog2(STEPS) : 1;
  localparam FLAGS = 2 + SUM_CLOCKS;                // ROM, product, sum
  localparam integer STEPS_1  = STEPS - 1;
  localparam integer PASSES_1 = PASSES - 1;
  localparam [STEP_BITS-1:0] LAST_STEP = STEPS_1[STEP_BITS-1:0];
  localparam [PASS_BITS-1:0] LAST_PASS = PASSES_1[PASS_BITS-1:0];

  // --- control ------------------------------------------------------------------------------
  reg busy_q;
  reg [STEP_BITS-1:0] step_q;
  reg [PASS_BITS-1:0] pass_q;
  reg [ADDR-1:0] address_q;

  wire last_step = step_q == LAST_STEP;
  wire last_pass = pass_q == LAST_PASS;
  wire accept = in_valid && in_ready;

  assign in_ready = !busy_q || (last_step && last_pass);
  assign rom_address = address_q;

  always @(posedge clk) begin
    if (rst) busy_q <= 1'b0;
    else if (accept) busy_q <= 1'b1;
    else if (last_step && last_pass) busy_q <= 1'b0;
    if (accept) begin
      step_q <= {STEP_BITS{1'b0}};
      pass_q <= {PASS_BITS{1'b0}};
      address_q <= {ADDR{1'b0}};
    end else begin
      address_q <= address_q + {{(ADDR - 1) {1'b0}}, 1'b1};
      step_q <= last_step ? {STEP_BITS{1'b0}} : step_q + {{(STEP_BITS - 1) {1'b0}}, 1'b1};
      if (last_step) pass_q <= pass_q + {{(PASS_BITS - 1) {1'b0}}, 1'b1};
    end
  end

  // flags travel beside the data: valid, first and last step of a pass, the pass
  reg [FLAGS-1:0] valid_q;
  reg [FLAGS-1:0] first_q;
  reg [FLAGS-1:0] last_q;
  reg [FLAGS*PASS_BITS-1:0] pass_at_q;

  always @(posedge clk) begin
    if (rst) valid_q <= {FLAGS{1'b0}};
    else valid_q <= {valid_q[FLAGS-2:0], busy_q};
    first_q <= {first_q[FLAGS-2:0], step_q == {STEP_BITS{1'b0}}};
    last_q <= {last_q[FLAGS-2:0], last_step};
    pass_at_q <= {pass_at_q[(FLAGS-1)*PASS_BITS-1:0], pass_q};
  end

  // --- inputs: each tap's part of the word turns by one per clock ------------------------------
  reg [N_IN*X_WIDTH-1:0] x_q;
  reg [TAPS*X_WIDTH-1:0] head_q;

  genvar t, s, l;
  generate
    for (t = 0; t < TAPS; t = t + 1) begin : g_tap
      always @(posedge clk) head_q[t*X_WIDTH+:X_WIDTH] <= x_q[t*STEPS*X_WIDTH+:X_WIDTH];
      for (s = 0; s < STEPS; s = s + 1) begin : g_turn
        localparam HERE = (t * STEPS + s) * X_WIDTH;
        localparam FROM = (t * STEPS + (s + 1) % STEPS) * X_WIDTH;
        always @(posedge clk) x_q[HERE+:X_WIDTH] <= accept ? in_data[HERE+:X_WIDTH] : x_q[FROM+:X_WIDTH];
      end
    end
  endgenerate

  // --- products, sums, results of each lane ----------------------------------------------------
  wire now_first = first_q[FLAGS-1];
  wire now_last = last_q[FLAGS-1] && valid_q[FLAGS-1];
  wire [PASS_BITS-1:0] now_pass = pass_at_q[(FLAGS-1)*PASS_BITS+:PASS_BITS];
  reg done_q;   // the accumulators hold the sums of a pass
  reg [PASS_BITS-1:0] done_pass_q;
  reg out_valid_q;
  reg [N_OUT*OUT_WIDTH-1:0] out_q;

  always @(posedge clk) begin
    done_q <= !rst && now_last;
    done_pass_q <= now_pass;
    out_valid_q <= !rst && done_q && done_pass_q == LAST_PASS;
  end

  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [TAPS*ACC_WIDTH-1:0] term;
      reg [ACC_WIDTH-1:0] acc_q;
      wire [ACC_WIDTH-1:0] next;
      wire [ACC_WIDTH-1:0] start;
      wire [OUT_WIDTH-1:0] result;

      for (t = 0; t < TAPS; t = t + 1) begin : g_product
        wire [X_WIDTH-1:0] x = head_q[t*X_WIDTH+:X_WIDTH];
        wire [W_WIDTH-1:0] w = rom_word[(l*TAPS+t)*W_WIDTH+:W_WIDTH];
        wire [P_WIDTH-1:0] xs = {{(W_WIDTH + 1) {X_SIGNED != 0 && x[X_WIDTH-1]}}, x};
        wire [P_WIDTH-1:0] ws = {{(X_WIDTH + 1) {W_SIGNED != 0 && w[W_WIDTH-1]}}, w};
        wire signed [P_WIDTH-1:0] product = $signed(xs) * $signed(ws);
        reg [P_WIDTH-1:0] product_q;
        always @(posedge clk) product_q <= $unsigned(product);
        fixed_cast #(
          .IN_WIDTH(P_WIDTH), .IN_SIGNED(1), .DROP(ACC_DROP), .OUT_WIDTH(ACC_WIDTH), .OUT_SIGNED(ACC_SIGNED),
          .ROUNDING(ACC_ROUNDING), .OVERFLOW(ACC_OVERFLOW)
        ) u_term (.in(product_q), .out(term[t*ACC_WIDTH+:ACC_WIDTH]));
      end

      if (PASSES > 1) begin : g_bias_of_pass
        reg [ACC_WIDTH-1:0] bias_now;
        integer i;
        always @* begin
          bias_now = {ACC_WIDTH{1'b0}};
          for (i = 0; i < PASSES; i = i + 1) begin
            if (now_pass == i[PASS_BITS-1:0]) bias_now = bias[(l*PASSES+i)*ACC_WIDTH+:ACC_WIDTH];
          end
        end
        assign start = now_first ? bias_now : acc_q;
      end else begin : g_bias
        assign start = now_first ? bias[l*ACC_WIDTH+:ACC_WIDTH] : acc_q;
      end

      if (ACC_OVERFLOW == 0) begin : g_tree
        wire [ACC_WIDTH-1:0] sum;
        adder_tree #(.N(TAPS), .WIDTH(ACC_WIDTH)) u_sum (.clk(clk), .in(term), .sum(sum));
        assign next = start + sum;
      end else begin : g_chain
        reg [TAPS*ACC_WIDTH-1:0] term_q;
        wire [(TAPS+1)*ACC_WIDTH-1:0] chain;
        always @(posedge clk) term_q <= term;
        assign chain[0+:ACC_WIDTH] = start;
        assign next = chain[TAPS*ACC_WIDTH+:ACC_WIDTH];
        for (t = 0; t < TAPS; t = t + 1) begin : g_add
          wire [ACC_WIDTH-1:0] a = chain[t*ACC_WIDTH+:ACC_WIDTH];
          wire [ACC_WIDTH-1:0] b = term_q[t*ACC_WIDTH+:ACC_WIDTH];
          wire [ACC_WIDTH:0] total = {ACC_SIGNED != 0 && a[ACC_WIDTH-1], a} + {ACC_SIGNED != 0 && b[ACC_WIDTH-1], b};
          fixed_cast #(
            .IN_WIDTH(ACC_WIDTH + 1), .IN_SIGNED(ACC_SIGNED), .DROP(0), .OUT_WIDTH(ACC_WIDTH),
            .OUT_SIGNED(ACC_SIGNED), .ROUNDING(0), .OVERFLOW(ACC_OVERFLOW)
          ) u_add (.in(total), .out(chain[(t+1)*ACC_WIDTH+:ACC_WIDTH]));
        end
      end

      always @(posedge clk) acc_q <= next;

      fixed_cast #(
        .IN_WIDTH(ACC_WIDTH), .IN_SIGNED(ACC_SIGNED), .DROP(OUT_DROP), .OUT_WIDTH(OUT_WIDTH),
        .OUT_SIGNED(OUT_SIGNED), .ROUNDING(OUT_ROUNDING), .OVERFLOW(OUT_OVERFLOW)
      ) u_result (.in(acc_q), .out(result));

      for (s = 0; s < PASSES; s = s + 1) begin : g_output
        localparam integer PASS = s;
        always @(posedge clk) begin
          if (done_q && done_pass_q == PASS[PASS_BITS-1:0]) out_q[(l*PASSES+s)*OUT_WIDTH+:OUT_WIDTH] <= result;
        end
      end
    end
  endgenerate

  assign out_valid = out_valid_q;
  assign out_data = out_q;
endmodule
`default_nettype wire
