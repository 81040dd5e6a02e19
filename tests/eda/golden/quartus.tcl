# jet3: synthesis, fit and timing analysis in Quartus.
#   quartus_sh -t quartus.tcl
# The design by itself, as it stands inside a larger one: its ports are virtual pins, only the clock is a real one.
load_package flow
project_new jet3 -overwrite
set_global_assignment -name DEVICE AGFB014R24B2E2V
set_global_assignment -name TOP_LEVEL_ENTITY jet3
set_global_assignment -name PROJECT_OUTPUT_DIRECTORY output_files
set_global_assignment -name NUM_PARALLEL_PROCESSORS ALL
set_global_assignment -name VERILOG_INPUT_VERSION SYSTEMVERILOG_2009
set_global_assignment -name SYSTEMVERILOG_FILE rtl/lib/fifo.sv
set_global_assignment -name SYSTEMVERILOG_FILE rtl/jet3_fc1.sv
set_global_assignment -name SYSTEMVERILOG_FILE rtl/jet3.sv
set_global_assignment -name SDC_FILE jet3.sdc
set_instance_assignment -name VIRTUAL_PIN ON -to *
set_instance_assignment -name VIRTUAL_PIN OFF -to clk
execute_flow -compile
project_close
