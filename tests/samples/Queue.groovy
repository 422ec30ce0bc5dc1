package depot

import java.time.LocalDate

/** A parcel that waits for a van. */
class Parcel {
    int id
    BigDecimal kilos
    int attempts = 0

    boolean isHeavy() { kilos > 31.5 }
}

interface Vehicle {
    void load(Parcel parcel)
}

enum Care { FRAGILE, TWO_PEOPLE }

class ParcelQueue {
    private final List<Parcel> waiting = []

    /** Puts a parcel off until the next working day. */
    boolean postpone(Parcel parcel, LocalDate day = LocalDate.now()) {
        parcel.attempts++
        if (parcel.attempts >= 3) {
            return sendBack(parcel)
        }
        waiting << parcel
        true
    }

    def "the heaviest parcel is taken first"() {
        waiting.max { it.kilos }
    }

    private static void ring(int ramp) {
        println "ring $ramp"
    }
}

pipeline {
    stages {
        stage('Weigh every parcel again') {
            steps {
                sh 'make weigh'
            }
        }
    }
}

tasks.register('sendSums') {
    doLast { println 'sent' }
}
