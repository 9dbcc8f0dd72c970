/* Included once for each instruction set. */

TARGET static void NAME(twist)(uint32_t key[GK_MERSENNE_WORDS])
{
    int i = 0;
    for (; i < WORDS - SHIFT; i++)
        key[i] = key[i + SHIFT] ^ twisted(key[i], key[i + 1]);
    for (; i < WORDS - 1; i++)
        key[i] = key[i + SHIFT - WORDS] ^ twisted(key[i], key[i + 1]);
    key[i] = key[i + SHIFT - WORDS] ^ twisted(key[i], key[0]);
}

TARGET static void NAME(temper)(const uint32_t key[GK_MERSENNE_WORDS], uint32_t words[GK_MERSENNE_WORDS])
{
    for (int i = 0; i < WORDS; i++) {
        uint32_t word = key[i];
        word ^= word >> 11;
        word ^= word << 7 & UINT32_C(0x9d2c5680);
        word ^= word << 15 & UINT32_C(0xefc60000);
        words[i] = word ^ word >> 18;
    }
}

TARGET static void NAME(doubles_of_halves)(const uint32_t *words, double *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = double_of_halves(words[2 * i], words[2 * i + 1]);
}
