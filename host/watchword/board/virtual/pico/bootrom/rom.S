@ The boot ROM of the virtual Pico: its header and tables as in section 2.8.3 of the RP2040 datasheet, and the start.

    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .vectors,"ax"
    .word 0x20041f00
    .word _reset+1
    .word _hang+1
    .word _hang+1
    .byte 'M','u',1,2          @ magic, version 2 (= B1)
    .hword func_table
    .hword data_table
    .hword table_lookup+1
    .hword 0
    .section .text
    .align 2
    .macro FN a b f
    .byte \a, \b
    .hword \f+1
    .endm
    .macro DT a b f
    .byte \a, \b
    .hword \f
    .endm
    .global func_table
func_table:
    FN 'P','3',rom_popcount32
    FN 'R','3',rom_reverse32
    FN 'L','3',rom_clz32
    FN 'T','3',rom_ctz32
    FN 'M','S',rom_memset
    FN 'S','4',rom_memset
    FN 'M','C',rom_memcpy
    FN 'C','4',rom_memcpy
    FN 'U','B',rom_usb_boot
    FN 'D','T',_hang
    FN 'D','E',_hang
    FN 'W','V',_wait_for_vector
    FN 'I','F',rom_nop
    FN 'E','X',rom_nop
    FN 'R','E',rom_flash_range_erase
    FN 'R','P',rom_flash_range_program
    FN 'F','C',rom_nop
    FN 'C','X',rom_nop
    .word 0
data_table:
    DT 'C','R',copyright
    DT 'G','R',gitrev
    DT 'S','F',sf
    DT 'S','D',sd
    .word 0
copyright: .asciz "watchword boot ROM"
    .align 2
gitrev: .word 0x12345678
    .hword 0
    .byte 0x20,0     @ table size in words, precedes table by 2
    .align 2
sf: .word rom_fadd,rom_fsub,rom_fmul,rom_fdiv,rom_missing,rom_missing,rom_fsqrt
    .word rom_f2i,rom_missing,rom_f2ui,rom_missing,rom_i2f,rom_missing,rom_ui2f,rom_missing
    .word rom_missing,rom_missing,rom_missing,rom_missing,rom_missing,rom_missing
    .word rom_missing,rom_missing,rom_l2f,rom_missing,rom_ul2f,rom_missing,rom_f2l,rom_missing,rom_f2ul,rom_missing,rom_f2d
    .hword 0
    .byte 0x20,0
    .align 2
sd: .word rom_dadd,rom_dsub,rom_dmul,rom_ddiv,rom_missing,rom_missing,rom_missing
    .word rom_d2i,rom_missing,rom_d2ui,rom_missing,rom_i2d,rom_missing,rom_ui2d,rom_missing
    .word rom_missing,rom_missing,rom_missing,rom_missing,rom_missing,rom_missing
    .word rom_missing,rom_missing,rom_l2d,rom_missing,rom_ul2d,rom_missing,rom_d2l,rom_missing,rom_d2ul,rom_missing,rom_d2f

    .thumb_func
    .global _reset
_reset:
    @ as the real ROM on core 0: copy the 256-byte second stage to SRAM, run it with lr=0
    ldr r0,=0x10000000
    ldr r1,=0x20041f00
    mov r4,r1
    movs r2,#64
1:  ldmia r0!,{r3}
    stmia r1!,{r3}
    subs r2,#1
    bne 1b
    movs r0,#0
    mov lr,r0
    adds r4,#1
    bx r4
    .thumb_func
_hang: b _hang
    .thumb_func
    .global _wait_for_vector
_wait_for_vector: wfe
    b _wait_for_vector
    .thumb_func
    .global table_lookup
table_lookup:          @ r0 = table, r1 = code
1:  ldrh r2,[r0]
    cmp r2,#0
    beq 2f
    cmp r2,r1
    beq 3f
    adds r0,#4
    b 1b
3:  ldrh r0,[r0,#2]
    bx lr
2:  movs r0,#0
    bx lr
    .thumb_func
    .global rom_nop
rom_nop: bx lr
    .pool
