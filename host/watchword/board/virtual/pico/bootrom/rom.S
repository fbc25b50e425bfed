@ The boot ROM of the virtual Pico: header, tables and start. Names and layout are those of section 2.8.3 of the RP2040 datasheet;
@ nothing is taken from the real ROM, which is in no package. Firmware looks functions up by a two-letter code.

    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .equ FLASH, 0x10000000          @ where the XIP window begins, with the second stage of the boot
    .equ SECOND_STAGE, 0x20041f00   @ where it runs, at the end of SRAM; the first stack ends there
    .equ SECOND_STAGE_WORDS, 64

@ ---- header: address 0

    .section .header, "ax"
    .word SECOND_STAGE              @ initial stack pointer
    .word _reset + 1
    .word _hang + 1                 @ NMI
    .word _hang + 1                 @ hard fault; firmware soon has vectors of its own
    .byte 'M', 'u', 1               @ magic
    .byte 2                         @ version: that of chip B1, from which on the tables below are as long as they are
    .hword function_table
    .hword data_table
    .hword table_lookup + 1

@ ---- tables: a code and a 16-bit address a row, and a zero

    .macro FUNCTION first, second, name
    .byte \first, \second
    .hword \name + 1                @ + 1: Thumb code
    .endm

    .macro DATA first, second, name
    .byte \first, \second
    .hword \name
    .endm

    .section .text
    .align 2
function_table:
    FUNCTION 'P', '3', _popcount32
    FUNCTION 'R', '3', _reverse32
    FUNCTION 'L', '3', _clz32
    FUNCTION 'T', '3', _ctz32
    FUNCTION 'M', 'S', _memset
    FUNCTION 'S', '4', _memset      @ _memset4: it sees by itself that it may store words
    FUNCTION 'M', 'C', _memcpy
    FUNCTION 'C', '4', _memcpy      @ _memcpy44
    FUNCTION 'I', 'F', _nothing     @ _connect_internal_flash: the emulated chip needs no change of mode
    FUNCTION 'E', 'X', _nothing     @ _flash_exit_xip
    FUNCTION 'R', 'E', _flash_range_erase
    FUNCTION 'R', 'P', _flash_range_program
    FUNCTION 'F', 'C', _nothing     @ _flash_flush_cache
    FUNCTION 'C', 'X', _nothing     @ _flash_enter_cmd_xip
    FUNCTION 'U', 'B', _reset_to_usb_boot
    FUNCTION 'W', 'V', _wait_for_vector
    FUNCTION 'D', 'T', _hang        @ _debug_trampoline
    FUNCTION 'D', 'E', _hang        @ _debug_trampoline_end
    .word 0

data_table:
    DATA 'C', 'R', copyright
    DATA 'G', 'R', git_revision
    DATA 'S', 'F', soft_float_table
    DATA 'S', 'D', soft_double_table
    .word 0

copyright:
    .asciz "watchword's boot ROM for an emulated RP2040"
    .align 2
git_revision:
    .word 0                         @ of no repository of the real one

@ The tables of functions on floats and doubles. The SDK copies each to RAM and checks its size, which stands two bytes before it.
@ MicroPython's sine, logarithm and so on are its own, so the entries for them stop the emulator.

    .macro TABLE name
    .align 2
    .hword 0
    .byte 32, 0                     @ words
\name:
    .endm

    TABLE soft_float_table
    .word _fadd, _fsub, _fmul, _fdiv
    .word _missing                  @ _fcmp_fast
    .word _missing                  @ _fcmp_fast_flags
    .word _fsqrt
    .word _float2int
    .word _missing                  @ _float2fix
    .word _float2uint
    .word _missing                  @ _float2ufix
    .word _int2float
    .word _missing                  @ _fix2float
    .word _uint2float
    .word _missing                  @ _ufix2float
    .word _missing, _missing, _missing, _missing    @ _fcos, _fsin, _ftan, _fsincos
    .word _missing, _missing        @ _fexp, _fln
    .word _missing                  @ _fcmp
    .word _missing                  @ _fatan2
    .word _int642float
    .word _missing                  @ _fix642float
    .word _uint642float
    .word _missing                  @ _ufix642float
    .word _float2int64
    .word _missing                  @ _float2fix64
    .word _float2uint64
    .word _missing                  @ _float2ufix64
    .word _float2double

    TABLE soft_double_table
    .word _dadd, _dsub, _dmul, _ddiv
    .word _missing                  @ _dcmp_fast
    .word _missing                  @ _dcmp_fast_flags
    .word _missing                  @ _dsqrt
    .word _double2int
    .word _missing                  @ _double2fix
    .word _double2uint
    .word _missing                  @ _double2ufix
    .word _int2double
    .word _missing                  @ _fix2double
    .word _uint2double
    .word _missing                  @ _ufix2double
    .word _missing, _missing, _missing, _missing    @ _dcos, _dsin, _dtan, _dsincos
    .word _missing, _missing        @ _dexp, _dln
    .word _missing                  @ _dcmp
    .word _missing                  @ _datan2
    .word _int642double
    .word _missing                  @ _fix642double
    .word _uint642double
    .word _missing                  @ _ufix642double
    .word _double2int64
    .word _missing                  @ _double2fix64
    .word _double2uint64
    .word _missing                  @ _double2ufix64
    .word _double2float

    .thumb_func
table_lookup:                       @ r0 = table, r1 = code; returns the address, or 0
1:  ldrh r2, [r0]
    cmp r2, #0
    beq 2f
    ldrh r3, [r0, #2]
    adds r0, #4
    cmp r2, r1
    bne 1b
    movs r2, r3
2:  movs r0, r2
    bx lr

@ ---- start: as core 0 does, without a look at the second stage's checksum

    .thumb_func
    .global _reset
_reset:
    ldr r0, =FLASH
    ldr r1, =SECOND_STAGE
    adds r4, r1, #1                 @ + 1: Thumb code
    movs r2, #SECOND_STAGE_WORDS
1:  ldmia r0!, {r3}
    stmia r1!, {r3}
    subs r2, #1
    bne 1b
    movs r0, #0
    mov lr, r0                      @ 0 tells the second stage to go on to the firmware's vectors
    bx r4

    .thumb_func
_hang:
    b _hang

    .thumb_func
_wait_for_vector:                   @ where the second core waits; it is not emulated
    wfe
    b _wait_for_vector

    .thumb_func
_nothing:
    bx lr

    .pool
