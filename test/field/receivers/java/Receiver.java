package example;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

@SpringBootApplication
public class Receiver {
    public static void main(String[] args) {
        SpringApplication.run(Receiver.class, args);
    }
}
