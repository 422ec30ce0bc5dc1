(ns depot.queue
  "Parcels that wait for a van."
  (:require [clojure.string :as string]))

(def max-attempts 3)

(defonce ^:private waiting (atom []))

(defrecord Parcel [id street kilos attempts])

(defprotocol Vehicle
  (load! [this parcel]))

(defn heavy?
  "Whether two people must carry."
  [parcel]
  (> (:kilos parcel) 31.5))

(defn- send-back [parcel]
  (let [letter {:street (:street parcel)}]
    (def hidden letter)
    letter))

;; Puts a parcel off until the next working day.
(defn postpone
  [parcel]
  (let [tried (update parcel :attempts inc)]
    (if (>= (:attempts tried) max-attempts)
      (send-back tried)
      (swap! waiting conj tried))))

(defmulti carry :care)
(defmethod carry :fragile [parcel]
  (str "slowly " (:id parcel)))

(defmacro with-ramp [number & body]
  `(binding [*ramp* ~number] ~@body))
