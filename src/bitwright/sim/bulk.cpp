// Drives the stream shell of a bundle with many vectors, as fast as it takes them, through ctypes.
//
// The generated header "ports.h" lists the elements of both data ports.  Each call owns its model and
// context, so calls may run side by side.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

// An element of a beat; `column` is its place in a row of whole tensors, `step` the columns from beat to beat.
struct Element {
    int lsb, width;
    bool is_signed;
    int column, step;
};

#include "ports.h"

namespace {

// Bit access for ports of any width: Verilator uses integers up to 64 bits and arrays of words beyond.
template <typename T> struct Port {
    static void set(T &port, int lsb, int width, uint64_t value) {
        const uint64_t mask = width == 64 ? ~0ULL : ((1ULL << width) - 1);
        const uint64_t all = static_cast<uint64_t>(port);
        port = static_cast<T>((all & ~(mask << lsb)) | ((value & mask) << lsb));
    }
    static uint64_t get(const T &port, int lsb, int width) {
        const uint64_t mask = width == 64 ? ~0ULL : ((1ULL << width) - 1);
        return (static_cast<uint64_t>(port) >> lsb) & mask;
    }
};

template <std::size_t N> struct Port<VlWide<N>> {
    static void set(VlWide<N> &port, int lsb, int width, uint64_t value) {
        while (width > 0) {
            const int word = lsb / 32, shift = lsb % 32, count = width < 32 - shift ? width : 32 - shift;
            const uint32_t mask = (count == 32 ? ~0U : ((1U << count) - 1)) << shift;
            port[word] = (port[word] & ~mask) | ((static_cast<uint32_t>(value) << shift) & mask);
            value = count == 64 ? 0 : value >> count;
            lsb += count;
            width -= count;
        }
    }
    static uint64_t get(const VlWide<N> &port, int lsb, int width) {
        uint64_t value = 0;
        for (int done = 0; done < width;) {
            const int word = (lsb + done) / 32, shift = (lsb + done) % 32;
            const int count = width - done < 32 - shift ? width - done : 32 - shift;
            const uint64_t mask = count == 32 ? ~0U : ((1U << count) - 1);
            value |= ((static_cast<uint64_t>(port[word]) >> shift) & mask) << done;
            done += count;
        }
        return value;
    }
};

template <typename T> void pack(T &port, const int64_t *x, int64_t beat) {
    const int64_t *row = x + beat / INPUT_BEATS * INPUT_COUNT * INPUT_BEATS;
    for (const Element &e : INPUTS) Port<T>::set(port, e.lsb, e.width, row[e.column + beat % INPUT_BEATS * e.step]);
}

template <typename T> void unpack(const T &port, int64_t *y, int64_t beat) {
    int64_t *row = y + beat / OUTPUT_BEATS * OUTPUT_COUNT * OUTPUT_BEATS;
    for (const Element &e : OUTPUTS) {
        uint64_t bits = Port<T>::get(port, e.lsb, e.width);
        if (e.is_signed && e.width < 64 && (bits >> (e.width - 1) & 1)) bits |= ~0ULL << e.width;
        row[e.column + beat % OUTPUT_BEATS * e.step] = static_cast<int64_t>(bits);
    }
}

}  // namespace

double sc_time_stamp() { return 0; }

// Returns the clocks used, or -1 if the outputs did not come within `patience` idle clocks.
extern "C" int64_t bulk_run(const int64_t *x, int64_t *y, int64_t rows, int64_t patience) {
    const auto context = std::make_unique<VerilatedContext>();
    const auto top = std::make_unique<Vtop>(context.get());
    const auto half = [&](int clk) {
        top->clk = clk;
        top->eval();
    };
    top->rst = 1;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 0;
    for (int i = 0; i < 4; i++) half(0), half(1);
    top->rst = 0;
    top->m_axis_tready = 1;
    const int64_t all_in = rows * INPUT_BEATS, all_out = rows * OUTPUT_BEATS;
    int64_t sent = 0, received = 0, clocks = 0, idle = 0;
    while ((received < all_out || sent < all_in) && idle < patience) {
        top->s_axis_tvalid = sent < all_in;
        if (sent < all_in) pack(top->s_axis_tdata, x, sent);
        half(0);
        if (top->s_axis_tvalid && top->s_axis_tready) sent++;
        if (top->m_axis_tvalid) {
            unpack(top->m_axis_tdata, y, received++);
            idle = 0;
        } else {
            idle++;
        }
        half(1);
        clocks++;
    }
    return received == all_out && sent == all_in ? clocks : -1;
}

#if VM_TRACE
// Sends one vector to an idle pipeline and dumps every signal for `clocks` clocks.
extern "C" void bulk_wave(const int64_t *x, const char *path, int64_t clocks) {
    const auto context = std::make_unique<VerilatedContext>();
    context->traceEverOn(true);
    const auto top = std::make_unique<Vtop>(context.get());
    VerilatedVcdC trace;
    top->trace(&trace, 99);
    trace.open(path);
    uint64_t time = 0;
    const auto half = [&](int clk) {
        top->clk = clk;
        top->eval();
        trace.dump(time);
        time += 5;
    };
    top->rst = 1;
    top->s_axis_tvalid = 0;
    top->m_axis_tready = 1;
    for (int i = 0; i < 4; i++) half(0), half(1);
    top->rst = 0;
    int64_t sent = 0;
    for (int64_t i = 0; i < clocks; i++) {
        top->s_axis_tvalid = i >= 2 && sent < INPUT_BEATS;
        if (top->s_axis_tvalid) pack(top->s_axis_tdata, x, sent);
        half(0);
        if (top->s_axis_tvalid && top->s_axis_tready) sent++;
        half(1);
    }
    trace.close();
}
#endif
