/* From words to numbers; included once for each instruction set, with
 *   NAME(x)  x with the suffix of the instruction set
 *   TARGET   its function attribute
 * both undefined at the end. The loops are plain, and compilers vectorise them. */

TARGET static void NAME(doubles)(double *GK_RESTRICT out, const uint64_t *GK_RESTRICT words, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)(int64_t)(words[i] >> 11) * 0x1p-53;
}

/* Two numbers from each word, the one from its low half first. */
TARGET static void NAME(floats)(float *GK_RESTRICT out, const uint64_t *GK_RESTRICT words, int64_t n)
{
    for (int64_t i = 0; i + 1 < n; i += 2) {
        out[i] = (float)(int32_t)((uint32_t)words[i / 2] >> 8) * 0x1p-24f;
        out[i + 1] = (float)(int32_t)(words[i / 2] >> 40) * 0x1p-24f;
    }
    if (n % 2 != 0)
        out[n - 1] = (float)(int32_t)((uint32_t)words[n / 2] >> 8) * 0x1p-24f;
}

#undef NAME
#undef TARGET
