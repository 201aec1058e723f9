/* bcryptprimitives.dll for Wine 8, which has none: the one function that Rust's standard library takes from it.
   Only for the tests; the wheel does not contain it. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T size)
{
    while (size) {
        ULONG part = size > 0x10000000u ? 0x10000000u : (ULONG)size;
        if (!SystemFunction036(bytes, part))
            return FALSE;
        bytes += part;
        size -= part;
    }
    return TRUE;
}
