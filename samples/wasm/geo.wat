;; Functions over columns of coordinates: distance (in kilometres, on a plane; for places near each other) and near.
;; Each gets the number of rows, then where each argument's column begins, then where the result's does.
(module
  (memory (export "memory") 1)

  (func $km (param $lat1 f64) (param $lon1 f64) (param $lat2 f64) (param $lon2 f64) (result f64)
    (local $x f64) (local $y f64)
    (local.set $y (f64.mul (f64.const 111.195) (f64.sub (local.get $lat2) (local.get $lat1))))
    ;; a degree of longitude is shorter by the latitude's cosine, here 1 - a²/2 + a⁴/24 of the mean latitude
    (local.set $x (f64.mul (f64.const 0.00872664625997165) (f64.add (local.get $lat1) (local.get $lat2))))
    (local.set $x (f64.mul (local.get $x) (local.get $x)))
    (local.set $x (f64.add (f64.sub (f64.const 1) (f64.div (local.get $x) (f64.const 2)))
                           (f64.div (f64.mul (local.get $x) (local.get $x)) (f64.const 24))))
    (local.set $x (f64.mul (local.get $x)
                           (f64.mul (f64.const 111.195) (f64.sub (local.get $lon2) (local.get $lon1)))))
    (f64.sqrt (f64.add (f64.mul (local.get $x) (local.get $x)) (f64.mul (local.get $y) (local.get $y)))))

  (func (export "distance") (param $rows i32) (param $lat1 i32) (param $lon1 i32) (param $lat2 i32) (param $lon2 i32)
                            (param $out i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $out) (i32.shl (local.get $rows) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (f64.store (local.get $out)
          (call $km (f64.load (local.get $lat1)) (f64.load (local.get $lon1))
                    (f64.load (local.get $lat2)) (f64.load (local.get $lon2))))
        (local.set $lat1 (i32.add (local.get $lat1) (i32.const 8)))
        (local.set $lon1 (i32.add (local.get $lon1) (i32.const 8)))
        (local.set $lat2 (i32.add (local.get $lat2) (i32.const 8)))
        (local.set $lon2 (i32.add (local.get $lon2) (i32.const 8)))
        (local.set $out (i32.add (local.get $out) (i32.const 8)))
        (br $next))))

  ;; Is a place within 100 km of Lyon? The result is a byte for each row, 1 or 0.
  (func (export "near_lyon") (param $rows i32) (param $lat i32) (param $lon i32) (param $out i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $out) (local.get $rows)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (i32.store8 (local.get $out)
          (f64.lt (call $km (f64.load (local.get $lat)) (f64.load (local.get $lon)) (f64.const 45.76) (f64.const 4.84))
                  (f64.const 100)))
        (local.set $lat (i32.add (local.get $lat) (i32.const 8)))
        (local.set $lon (i32.add (local.get $lon) (i32.const 8)))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (br $next)))))
