// Assigns every value of small types to every rounding and overflow mode with the vendor's own ap_types,
// and prints one line of raw results per pair of types: "source W I S target W I S Q O : raw raw ...".
#include <cstdio>

#include "ap_fixed.h"

template <class S, class D, int SI, int DI, bool SS, bool DS> void run(int q, int o) {
    S s;
    D d;
    printf("%d %d %d %d %d %d %d %d", S::width, SI, SS, D::width, DI, DS, q, o);
    for (int raw = 0; raw < (1 << S::width); raw++) {
        s.V = raw;
        d = s;
        printf(" %d", (int)d.V);
    }
    printf("\n");
}

template <class S, int SI, bool SS, int W, int I, ap_q_mode Q, ap_o_mode O> void signs() {
    run<S, ap_fixed<W, I, Q, O>, SI, I, SS, true>(Q, O);
    run<S, ap_ufixed<W, I, Q, O>, SI, I, SS, false>(Q, O);
}

template <class S, int SI, bool SS, int W, int I, ap_q_mode Q> void overflows() {
    signs<S, SI, SS, W, I, Q, AP_SAT>();
    signs<S, SI, SS, W, I, Q, AP_SAT_ZERO>();
    signs<S, SI, SS, W, I, Q, AP_SAT_SYM>();
    signs<S, SI, SS, W, I, Q, AP_WRAP>();
}

template <class S, int SI, bool SS, int W, int I> void modes() {
    overflows<S, SI, SS, W, I, AP_RND>();
    overflows<S, SI, SS, W, I, AP_RND_ZERO>();
    overflows<S, SI, SS, W, I, AP_RND_MIN_INF>();
    overflows<S, SI, SS, W, I, AP_RND_INF>();
    overflows<S, SI, SS, W, I, AP_RND_CONV>();
    overflows<S, SI, SS, W, I, AP_TRN>();
    overflows<S, SI, SS, W, I, AP_TRN_ZERO>();
}

int main() {
    printf("%d %d %d %d %d %d %d\n", AP_RND, AP_RND_ZERO, AP_RND_MIN_INF, AP_RND_INF, AP_RND_CONV, AP_TRN, AP_TRN_ZERO);
    printf("%d %d %d %d\n", AP_SAT, AP_SAT_ZERO, AP_SAT_SYM, AP_WRAP);
    typedef ap_fixed<7, 3> signed_source;
    typedef ap_ufixed<6, 2> unsigned_source;
    modes<signed_source, 3, true, 4, 2>();
    modes<signed_source, 3, true, 2, 0>();
    modes<signed_source, 3, true, 1, 1>();
    modes<signed_source, 3, true, 2, 5>();
    modes<unsigned_source, 2, false, 3, 1>();
    return 0;
}
