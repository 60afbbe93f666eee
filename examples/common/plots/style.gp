# The look of all plots, and where this one goes: `format` is png or svg, `file` the name without its ending.
set encoding utf8
set datafile separator ','
set datafile columnheaders
# Names of files and columns hold characters that "enhanced" text would take for commands.
if (!exists('canvas_width')) canvas_width = 1440
if (!exists('canvas_height')) canvas_height = 960
if (format eq 'png') {
    set terminal pngcairo noenhanced size canvas_width,canvas_height font 'Sans,22' linewidth 2
} else {
    set terminal svg noenhanced size canvas_width,canvas_height font 'sans-serif,26' linewidth 2 background 'white'
}
set output '../'.file.'.'.format

# The palette of Okabe and Ito, which colour-blind readers can tell apart.
array colours[4] = ['#0072B2', '#D55E00', '#009E73', '#CC79A7']
colour(i) = colours[(i - 1) % 4 + 1]

set border 3 linecolor '#404040'
set tics nomirror out
set format '%g'
set grid linecolor '#D8D8D8' linetype 1 linewidth 0.5
set key noautotitle
set title offset 0,-0.3
