# The sigmoid and its derivative.
load 'style.gp'
set title 'The sigmoid and its derivative'
set xlabel 'x'
set ylabel 'value'
set yrange [0:1.05]
set xtics 2
set key top left reverse Left
plot '../sigmoid.csv' using 'x':'sigmoid' with lines linewidth 2 linecolor rgb colour(1) \
         title 's(x) = 1 / (1 + exp(−x))', \
     '' using 'x':'derivative' with lines linewidth 2 linecolor rgb colour(2) title "s′(x) = s(x) (1 − s(x))"
unset output
reset
