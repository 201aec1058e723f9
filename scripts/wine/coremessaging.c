/* coremessaging.dll for Wine 8, which has none: modules that import it do not load there. The lab makes the queue, if it is loaded.
   Only for the tests; the wheel does not contain it. */
#include <windows.h>

typedef HRESULT (*maker)(void **);

/* The structure of options is passed by its address, as every larger than a register. */
__declspec(dllexport) HRESULT WINAPI CreateDispatcherQueueController(const void *options, void **controller)
{
    HMODULE lab = GetModuleHandleA("dda_lab.dll");
    maker make = lab ? (maker)(void (*)(void))GetProcAddress(lab, "lab_dispatcher_queue_controller") : NULL;
    (void)options;
    if (!controller)
        return E_POINTER;
    *controller = NULL;
    return make ? make(controller) : E_NOTIMPL;
}
