// Drives the stream shell of a bundle with many vectors, one per clock, through ctypes.
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

struct Element {
    int lsb, width;
    bool is_signed;
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

template <typename T> void pack(T &port, const Element *elements, int count, const int64_t *values) {
    for (int i = 0; i < count; i++) Port<T>::set(port, elements[i].lsb, elements[i].width, values[i]);
}

template <typename T> void unpack(const T &port, const Element *elements, int count, int64_t *values) {
    for (int i = 0; i < count; i++) {
        const Element &e = elements[i];
        uint64_t bits = Port<T>::get(port, e.lsb, e.width);
        if (e.is_signed && e.width < 64 && (bits >> (e.width - 1) & 1)) bits |= ~0ULL << e.width;
        values[i] = static_cast<int64_t>(bits);
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
    int64_t sent = 0, received = 0, clocks = 0, idle = 0;
    while (received < rows && idle < patience) {
        top->s_axis_tvalid = sent < rows;
        if (sent < rows) pack(top->s_axis_tdata, INPUTS, INPUT_COUNT, x + sent * INPUT_COUNT);
        half(0);
        if (top->s_axis_tvalid && top->s_axis_tready) sent++;
        if (top->m_axis_tvalid) {
            unpack(top->m_axis_tdata, OUTPUTS, OUTPUT_COUNT, y + received++ * OUTPUT_COUNT);
            idle = 0;
        } else {
            idle++;
        }
        half(1);
        clocks++;
    }
    return received == rows ? clocks : -1;
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
    for (int64_t i = 0; i < clocks; i++) {
        top->s_axis_tvalid = i == 2;
        if (i == 2) pack(top->s_axis_tdata, INPUTS, INPUT_COUNT, x);
        half(0);
        half(1);
    }
    trace.close();
}
#endif
