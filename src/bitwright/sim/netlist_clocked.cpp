// Runs a program of netlist_program.py clock by clock, through ctypes; bit l of every word belongs to lane l.

#include <cstdint>
#include <vector>

namespace {

struct Step {
    int32_t target, c, a, b, d;
};
struct Register {
    int32_t slot, next;
};
struct Write {
    int32_t memory, address, bits, enable, data;
};
enum : int32_t { READ = -1, MULTIPLY = -2, TABLE = -3 };
constexpr int LANES = 64;

}  // namespace

// As _Machine in netlist_clocked.py.
struct Machine {
    const Step *steps;
    const Register *registers;
    const Write *writes;
    const int32_t *operands;
    uint64_t *slots, *memory;
    int64_t step_count, register_count, write_count;
};

// As _Stream in netlist_clocked.py: the ports, and for each lane its beats and how many came.
struct Stream {
    const int32_t *in_data, *out_data;
    const uint8_t *inputs;  // [lane][beat][bit]
    uint8_t *outputs;
    const int64_t *to_send, *to_receive;
    int64_t *received;
    int64_t in_beats, out_beats;  // of the longest lane
    uint64_t gaps, stalls, seed;  // lanes that pause as sources and as sinks
    int64_t patience;
    int32_t reset, in_valid, in_ready, out_valid, out_ready, in_width, out_width;
};

namespace {

// Transposes 64 words of 64 bits (Hacker's Delight, 7-3).
void transpose(uint64_t *x) {
    uint64_t mask = 0x00000000FFFFFFFFULL;
    for (int j = 32; j; j >>= 1, mask ^= mask << j) {
        for (int k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            const uint64_t t = ((x[k] >> j) ^ x[k | j]) & mask;
            x[k] ^= t << j;
            x[k | j] ^= t;
        }
    }
}

class Runner {
  public:
    explicit Runner(const Machine &machine) : m(machine), next(machine.register_count) {}

    // All that follows from the inputs and the registers within a clock.
    void settle() {
        uint64_t *const s = m.slots;
        for (const Step *p = m.steps, *end = p + m.step_count; p != end; p++) {
            if (p->target >= 0) {
                s[p->target] = s[p->c] ^ (s[p->a] & (s[p->b] ^ s[p->d]));
            } else if (p->target == READ) {
                s[p->c] = read(m.memory + p->a, m.operands + p->b, p->d);
            } else if (p->target == MULTIPLY) {
                multiply(m.operands + p->c);
            } else {
                look_up(m.memory + p->a, m.operands + p->c);
            }
        }
    }

    // The clock edge: everything takes what it saw before it.
    void edge() {
        for (int64_t i = 0; i < m.register_count; i++) next[i] = m.slots[m.registers[i].next];
        for (int64_t i = 0; i < m.write_count; i++) write(m.writes[i]);
        for (int64_t i = 0; i < m.register_count; i++) m.slots[m.registers[i].slot] = next[i];
    }

  private:
    // Halves the places with each address bit, the highest first.
    uint64_t read(const uint64_t *memory, const int32_t *address, int bits) {
        if (bits == 0) return memory[0];
        work.resize(std::size_t{1} << (bits - 1));
        for (int bit = bits - 1; bit >= 0; bit--) {
            const uint64_t select = m.slots[address[bit]];
            const std::size_t half = std::size_t{1} << bit;
            const uint64_t *from = bit == bits - 1 ? memory : work.data();
            uint64_t *const to = work.data();
            for (std::size_t i = 0; i < half; i++) to[i] = from[i] ^ (select & (from[i] ^ from[i + half]));
        }
        return work[0];
    }

    void write(const Write &w) {
        const uint64_t enable = m.slots[w.enable], data = m.slots[w.data];
        if (!enable) return;
        const std::size_t places = std::size_t{1} << w.bits;
        if (work.size() < places) work.resize(places);
        work[0] = enable;
        for (int bit = 0; bit < w.bits; bit++) {
            const uint64_t select = m.slots[m.operands[w.address + bit]];
            const std::size_t half = std::size_t{1} << bit;
            for (std::size_t i = 0; i < half; i++) {
                work[i + half] = work[i] & select;
                work[i] &= ~select;
            }
        }
        uint64_t *const memory = m.memory + w.memory;
        for (std::size_t i = 0; i < places; i++) memory[i] ^= work[i] & (memory[i] ^ data);
    }

    // Slots of a two's complement number, its sign repeated, as one number per lane.
    const int32_t *load(const int32_t *list, uint64_t *lanes) {
        const int width = *list++;
        for (int i = 0; i < LANES; i++) lanes[i] = m.slots[list[i < width ? i : width - 1]];
        transpose(lanes);
        return list + width;
    }

    // Words that are the same in every lane, each lane at its own address.
    void look_up(const uint64_t *words, const int32_t *list) {
        uint64_t lanes[LANES] = {};
        const int bits = *list++;
        for (int i = 0; i < bits; i++) lanes[i] = m.slots[*list++];
        transpose(lanes);
        for (int i = 0; i < LANES; i++) lanes[i] = words[lanes[i]];
        transpose(lanes);
        const int width = *list++;
        for (int i = 0; i < width; i++) m.slots[list[i]] = lanes[i];
    }

    void multiply(const int32_t *list) {
        uint64_t a[LANES], b[LANES];
        list = load(load(list, a), b);
        for (int i = 0; i < LANES; i++) a[i] *= b[i];
        transpose(a);
        const int width = *list++;
        for (int i = 0; i < width; i++) m.slots[list[i]] = a[i];
    }

    const Machine &m;
    std::vector<uint64_t> next, work;
};

uint64_t random(uint64_t &state) {  // xorshift64
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

}  // namespace

// Drives slots with `stimulus` [clock][input] and keeps what slots hold before each edge in `record` [clock][output].
extern "C" void netlist_trace(const Machine *machine, int64_t clocks, const int32_t *inputs, int64_t input_count,
                              const uint64_t *stimulus, const int32_t *outputs, int64_t output_count,
                              uint64_t *record) {
    Runner runner(*machine);
    for (int64_t clock = 0; clock < clocks; clock++) {
        for (int64_t i = 0; i < input_count; i++) machine->slots[inputs[i]] = *stimulus++;
        runner.settle();
        for (int64_t i = 0; i < output_count; i++) *record++ = machine->slots[outputs[i]];
        runner.edge();
    }
}

// Sends every lane its beats and keeps what comes, until all has come.
// Returns the clocks used, or -1 if nothing came for `patience` clocks although something was to come.
extern "C" int64_t netlist_stream(const Machine *machine, Stream *stream) {
    Runner runner(*machine);
    uint64_t *const s = machine->slots;
    Stream &t = *stream;
    s[t.reset] = ~0ULL;
    s[t.in_valid] = s[t.out_ready] = 0;
    for (int i = 0; i < 4; i++) runner.settle(), runner.edge();
    s[t.reset] = 0;

    int64_t sent[LANES] = {}, clocks = 0, idle = 0;
    uint64_t to_send = 0, to_receive = 0, valid = 0, seed = t.seed, fresh = ~0ULL;
    for (int lane = 0; lane < LANES; lane++) {
        to_send |= uint64_t{t.to_send[lane] > 0} << lane;
        to_receive |= uint64_t{t.to_receive[lane] > 0} << lane;
    }
    while (to_receive && idle < t.patience) {
        for (uint64_t rest = fresh & to_send; rest; rest &= rest - 1) {
            const int lane = __builtin_ctzll(rest);
            const uint8_t *beat = t.inputs + (lane * t.in_beats + sent[lane]) * t.in_width;
            for (int i = 0; i < t.in_width; i++) {
                uint64_t &word = s[t.in_data[i]];
                word = (word & ~(1ULL << lane)) | uint64_t{beat[i]} << lane;
            }
        }
        valid = to_send & (valid | random(seed) | ~t.gaps);  // once offered, a beat stays
        s[t.in_valid] = valid;
        s[t.out_ready] = random(seed) | ~t.stalls;
        runner.settle();
        fresh = valid & s[t.in_ready];
        valid &= ~fresh;
        for (uint64_t rest = fresh; rest; rest &= rest - 1) {
            const int lane = __builtin_ctzll(rest);
            if (++sent[lane] == t.to_send[lane]) to_send &= ~(1ULL << lane);
        }
        const uint64_t came = s[t.out_valid] & s[t.out_ready];
        for (uint64_t rest = came; rest; rest &= rest - 1) {
            const int lane = __builtin_ctzll(rest);
            const int64_t number = t.received[lane]++;
            if (number >= t.to_receive[lane]) continue;  // one too many: only counted
            uint8_t *beat = t.outputs + (lane * t.out_beats + number) * t.out_width;
            for (int i = 0; i < t.out_width; i++) beat[i] = s[t.out_data[i]] >> lane & 1;
            if (number + 1 == t.to_receive[lane]) to_receive &= ~(1ULL << lane);
        }
        idle = came & to_receive || fresh ? 0 : idle + 1;
        runner.edge();
        clocks++;
    }
    return to_receive ? -1 : clocks;
}
