// The steps of a recurrent layer, one after another: its state in registers, its products and gates outside.
//
// A step's features are taken and held, and both products begin.  When they are there, the gates get LANES units per
// clock, in order; what they make of them, any fixed number of clocks later, is the new state of these units.  With
// the last of them the next step may come.  The first step of a sequence sees a state of zero.
`default_nettype none
module recurrent_steps #(
  parameter STEPS     = 3,   // of a sequence
  parameter SEQUENCES = 1,   // whether every state is given, or only the last
  parameter FEATURES  = 8,   // bits of a step's features
  parameter UNITS     = 4,   // elements of the state
  parameter LANES     = 2,   // units that the gates take per clock; divides UNITS
  parameter GATES     = 4,   // products of each unit
  parameter WIDTH     = 8,   // bits of an element of the state
  parameter ACC_WIDTH = 16,  // bits of a product
  parameter CELLS     = 1    // whether each unit has a cell beside its state (LSTM), which its gates read instead
) (
  input  wire clk,
  input  wire rst,                                      // synchronous, active high: the next step is a first one
  input  wire in_valid,
  output wire in_ready,
  input  wire [FEATURES-1:0] in_data,
  input  wire place,                                    // there is room for a state
  output wire claim,                                    // a place is taken
  output wire out_valid,
  output wire [UNITS*WIDTH-1:0] out_data,               // the state, in the clock of out_valid
  output wire start,                                    // the products begin
  output wire [FEATURES-1:0] features,                  // these two are held until the gates begin
  output wire [UNITS*WIDTH-1:0] state,
  input  wire products_valid,                           // both products are there, and stay until the next start
  input  wire [GATES*UNITS*ACC_WIDTH-1:0] of_features,  // gate by gate
  input  wire [GATES*UNITS*ACC_WIDTH-1:0] of_state,
  output wire gates_valid,                              // LANES units go to the gates
  output wire [GATES*LANES*ACC_WIDTH-1:0] gates_features,
  output wire [GATES*LANES*ACC_WIDTH-1:0] gates_state,
  output wire [LANES*WIDTH-1:0] gates_old,              // their cells, or their state where there are none
  input  wire update_valid,                             // LANES units come back
  input  wire [(1+CELLS)*LANES*WIDTH-1:0] update        // their state, their cells above
);
  localparam GROUPS = UNITS / LANES;
  localparam STEP_BITS = STEPS > 1 ? $clog2(STEPS) : 1;
  localparam GROUP_BITS = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam GROUP = LANES * WIDTH;           // bits of a group's state
  localparam PRODUCT = LANES * ACC_WIDTH;     // bits of a group's products for one gate
  localparam integer LAST_STEP = STEPS - 1;
  localparam integer LAST_GROUP = GROUPS - 1;

  // --- control ------------------------------------------------------------------------------
  reg [STEP_BITS-1:0] number_q;  // of the step that comes next
  reg busy_q;
  reg start_q;
  reg first_q;                   // the step in work sees no state
  reg gives_q;                   // its state is given
  reg out_valid_q;

  wire last_step = number_q == LAST_STEP[STEP_BITS-1:0];
  wire gives = SEQUENCES != 0 || last_step;
  wire first_group, last_written;
  wire done = update_valid && last_written;
  wire step = in_valid && in_ready;

  assign in_ready = (!busy_q || done) && (place || !gives);
  assign claim = step && gives;
  assign start = start_q;
  assign gates_valid = products_valid || !first_group;
  assign out_valid = out_valid_q;

  always @(posedge clk) begin
    start_q <= !rst && step;
    out_valid_q <= !rst && done && gives_q;
    if (rst) busy_q <= 1'b0;
    else if (step) busy_q <= 1'b1;
    else if (done) busy_q <= 1'b0;
    if (rst) number_q <= {STEP_BITS{1'b0}};
    else if (step) number_q <= last_step ? {STEP_BITS{1'b0}} : number_q + {{(STEP_BITS - 1) {1'b0}}, 1'b1};
    if (step) begin
      first_q <= number_q == {STEP_BITS{1'b0}};
      gives_q <= gives;
    end
  end

  // --- what the products read -----------------------------------------------------------------
  reg [FEATURES-1:0] features_q;
  reg [UNITS*WIDTH-1:0] state_q;

  always @(posedge clk) if (step) features_q <= in_data;
  assign features = features_q;
  assign state = first_q ? {(UNITS * WIDTH) {1'b0}} : state_q;
  assign out_data = state_q;

  // --- groups of units, one per clock ---------------------------------------------------------
  wire [GROUP-1:0] old;

  genvar g;
  generate
    if (GROUPS > 1) begin : g_groups
      reg [GROUP_BITS-1:0] sent_q;     // the group that goes to the gates next
      reg [GROUP_BITS-1:0] written_q;  // the group that comes back next
      wire last_sent = sent_q == LAST_GROUP[GROUP_BITS-1:0];

      assign first_group = sent_q == {GROUP_BITS{1'b0}};
      assign last_written = written_q == LAST_GROUP[GROUP_BITS-1:0];
      always @(posedge clk) begin
        if (rst) sent_q <= {GROUP_BITS{1'b0}};
        else if (gates_valid) sent_q <= last_sent ? {GROUP_BITS{1'b0}} : sent_q + {{(GROUP_BITS - 1) {1'b0}}, 1'b1};
        if (rst) written_q <= {GROUP_BITS{1'b0}};
        else if (update_valid) begin
          written_q <= last_written ? {GROUP_BITS{1'b0}} : written_q + {{(GROUP_BITS - 1) {1'b0}}, 1'b1};
        end
      end
      for (g = 0; g < GROUPS; g = g + 1) begin : g_state
        localparam integer HERE = g;
        always @(posedge clk) begin
          if (update_valid && written_q == HERE[GROUP_BITS-1:0]) state_q[g*GROUP+:GROUP] <= update[GROUP-1:0];
        end
      end
      // Of each gate's products those of this group: halved by each bit of its number.
      for (g = 0; g < GATES; g = g + 1) begin : g_gate
        reg [UNITS*ACC_WIDTH-1:0] x, h;
        integer b;
        always @* begin
          x = of_features[g*UNITS*ACC_WIDTH+:UNITS*ACC_WIDTH];
          h = of_state[g*UNITS*ACC_WIDTH+:UNITS*ACC_WIDTH];
          for (b = 0; b < GROUP_BITS; b = b + 1) begin
            if (sent_q[b]) begin
              x = x >> (PRODUCT << b);
              h = h >> (PRODUCT << b);
            end
          end
        end
        assign gates_features[g*PRODUCT+:PRODUCT] = x[PRODUCT-1:0];
        assign gates_state[g*PRODUCT+:PRODUCT] = h[PRODUCT-1:0];
      end
      if (CELLS != 0) begin : g_cells
        reg [GROUP-1:0] cells[0:GROUPS-1];
        always @(posedge clk) if (update_valid) cells[written_q] <= update[GROUP+:GROUP];
        assign old = cells[sent_q];
      end else begin : g_old
        reg [UNITS*WIDTH-1:0] s;
        integer b;
        always @* begin
          s = state_q;
          for (b = 0; b < GROUP_BITS; b = b + 1) if (sent_q[b]) s = s >> (GROUP << b);
        end
        assign old = s[GROUP-1:0];
      end
    end else begin : g_one
      assign first_group = 1'b1;
      assign last_written = 1'b1;
      assign gates_features = of_features;
      assign gates_state = of_state;
      always @(posedge clk) if (update_valid) state_q <= update[GROUP-1:0];
      if (CELLS != 0) begin : g_cells
        reg [GROUP-1:0] cells_q;
        always @(posedge clk) if (update_valid) cells_q <= update[GROUP+:GROUP];
        assign old = cells_q;
      end else begin : g_old
        assign old = state_q;
      end
    end
  endgenerate

  assign gates_old = first_q ? {GROUP{1'b0}} : old;
endmodule
`default_nettype wire
