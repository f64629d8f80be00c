# The Fennel compiler: runs programs, and compiles one to Lua that runs.
cat >prog.fnl <<'F'
(local fnl (require :fennel))
(fn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
(print (fib 20))
(let [t {:a 1 :b [1 2 3]}] (print (fnl.view t)))
(macro unless2 [c ...] `(if (not ,c) (do ,...)))
(unless2 false (print "unless"))
(each [i v (ipairs (icollect [_ x (ipairs [1 2 3])] (* x x)))] (print i v))
(print (match [1 [2 3]] [a [b c]] (+ a b c)))
(print (case {:x 5} (where {:x n} (> n 3)) (.. "big " n) _ "small"))
(local (ok err) (pcall #(error "oops")))
(print ok err)
(print (accumulate [s 0 _ n (ipairs [1 2 3 4])] (+ s n)))
(print (string.format "%5.2f|%q" 3.14159 "a\nb"))
(for [i 1 3] (io.write i " "))
(print)
(var x 0) (while (< x 3) (set x (+ x 1))) (print x)
(print (-> [3 1 2] (doto (table.sort)) (table.concat ",")))
F
"$@" "$ECOSYSTEM_ROOT/usr/bin/fennel" --version
"$@" "$ECOSYSTEM_ROOT/usr/bin/fennel" prog.fnl
"$@" "$ECOSYSTEM_ROOT/usr/bin/fennel" --compile prog.fnl >prog.lua && cat prog.lua && "$@" prog.lua
printf '(print (+ 1 2)\n' >bad.fnl
"$@" "$ECOSYSTEM_ROOT/usr/bin/fennel" bad.fnl
printf '(fn f [x] (foo.bar x))\n(f 1)\n' >bad2.fnl
"$@" "$ECOSYSTEM_ROOT/usr/bin/fennel" bad2.fnl
printf '(+ 1 2)\n{:a 1}\n,complete str\n' | "$@" "$ECOSYSTEM_ROOT/usr/bin/fennel" --repl
