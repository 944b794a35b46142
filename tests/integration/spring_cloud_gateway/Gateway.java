import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.cloud.gateway.filter.ratelimit.KeyResolver;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import reactor.core.publisher.Mono;

/** A gateway that limits callers by the header x-client; its routes are given on the command line. */
@Configuration
@EnableAutoConfiguration
public class Gateway {
    public static void main(String[] arguments) {
        SpringApplication.run(Gateway.class, arguments);
    }

    @Bean
    KeyResolver byClient() {
        return exchange -> Mono.justOrEmpty(exchange.getRequest().getHeaders().getFirst("x-client"))
                .defaultIfEmpty("anonymous");
    }
}
